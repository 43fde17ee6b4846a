/*
 * condaimg: environment.yml -> lock -> packages -> layers -> image.
 *
 * The map:
 *	main()			cmd/main.c		which command, exit codes
 *	  opt_parse()		cmd/opt.c		the option table
 *	  settings_read()	cmd/settings.c		options and variables as values
 *	  cmd_lock()		cmd/cmd_lock.c
 *	    output_write()	cmd/output.c		  files for whoever called
 *	  cmd_build()		cmd/cmd_build.c		building_*.c: its lock, what it says
 *	  cmd_push()		cmd/cmd_push.c		and cmd_pull.c, cmd_copy.c: images from place to place
 *	    transfer_run()	cmd/transfer.c
 *	  cmd_inspect()		cmd/cmd_inspect.c
 *	    html_write()	cmd/html_page.c		the image as a page; its skeleton and style: cmd/html/
 *	  cmd_diff()		cmd/cmd_diff.c		two images, or locks
 *	    told_packages_read()	cmd/told_packages.c	  what is in an image, without its layers
 *	    diff_make()		cmd/diff.c
 *	  cmd_patch()		cmd/cmd_patch.c		an image with some packages moved
 *	  cmd_rebase()		cmd/cmd_rebase.c	an image on another base
 *	    remake_open()	cmd/remake.c		  an image -> lock, base, options that make it
 *	    patching_finish()	cmd/patching.c		  those, changed -> the new image
 *	  cmd_attach()		cmd/cmd_attach.c	documents beside an image
 *	    attachments_put()	cmd/attachments.c	  lock, SBOMs, provenance (cmd/provenance.c)
 *	      attach_put()	oci/attach.c		    as referrers
 *	  cmd_sbom()		cmd/cmd_sbom.c		packages as SPDX and CycloneDX
 *	  cmd_verify()		cmd/cmd_verify.c	is the image what it says
 *	  cmd_export_rootfs()	cmd/cmd_export.c	the image as a directory
 *	  cmd_bundle()		cmd/cmd_bundle.c	lock, packages, base -> one file: cmd/bundle.c
 *	  cmd_mirror()		cmd/cmd_mirror.c	locks -> a channel
 *	    publish_repodata()	channels/publish.c	  records -> repodata.json, shards
 *	  cmd_cache()		cmd/cmd_cache.c		the cache: its size, what is unused, what is broken
 *	  cmd_config()		cmd/cmd_config.c	what this machine is configured to
 *	  cmd_init()		cmd/cmd_init.c		a folder -> a first environment.yml and condaimg.yml
 *	  cmd_doctor()		cmd/cmd_doctor.c	what of this machine's set-up will not work
 *	  cmd_completion()	cmd/cmd_completion.c	the option table, for shells
 *	  cmd_manual()		cmd/cmd_manual.c	and as man pages
 *	  cmd_repo2docker()	cmd/cmd_repo2docker.c	as BinderHub calls it; also by the name jupyter-repo2docker
 *	    source_fetch()	cmd/source.c		folder, archive, git repository -> folder
 *	    repo2docker_look()	cmd/repo2docker_repo.c	what is in it
 *
 *	config_read()		cmd/config.c		conda's configuration and logins on this machine
 *	  condarc_merge()	conda/condarc_merge.c	  by conda's rules
 *	  auth_find()		fetch/auth.c		  logins by URL
 *	project_open()		cmd/project.c		a folder, condaimg.yml -> options
 *	app_read()		cmd/app.c		the application's options as values
 *	input_read()		cmd/input.c		which files are they: conda/env.c, spec_file.c, or locks:
 *							conda/lock_parse.c, pixi_lock.c, explicit.c
 *	convert_lock()		cmd/convert.c		a lock of another kind as one of ours
 *	question_make()		cmd/question.c		environment, options -> what is asked
 *	solve_all()		cmd/solve_all.c		questions of several platforms -> lock
 *	resolve()		cmd/resolve.c		question -> lock
 *	  channel_resolve()	channels/channel.c	  names -> URLs
 *	  repodata_load()	channels/repodata.c	  channels -> records
 *	  solver_run()		solver/solver.c		  specs -> records
 *	  refusal_print()	cmd/refusal.c		  or why there is none
 *	  lock_write()		conda/lock_write.c
 *	assembly_*()		cmd/assembly.c		lock -> image
 *	  download_all()	fetch/download.c	  packages into the cache
 *	  paths_plan_make()	cmd/paths_plan.c	  whose path is it; scripts, worked out and not run
 *	    script_run()	conda/script.c		    a shell script -> variables
 *	  linked_tree()		conda/linked.c		  package -> files under the prefix
 *	  copy_tree()		cmd/copy.c		  the application's files
 *	  layer_write()		oci/layer.c		  files -> tar -> blob
 *	  dest_write()		oci/dest.c		  blobs, config, manifest -> destination
 *	contents_read()		cmd/contents.c		image -> files, conda-meta records
 *	  layer_next()		oci/layer_read.c	  blob -> members, digests checked
 *	  overlay_add()		oci/overlay.c		  layers -> what is seen
 *	registries_place()	cmd/registries.c	a place in a registry, fit to be used
 *	  registry_*()		oci/registry.h		the distribution protocol
 *	    call_open()		fetch/call.c		  one request of any method
 *	unpack_image()		oci/unpack.c		layers -> directory
 *
 * base/ is under all of it: errors, memory, streams, documents.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/colour.h"
#include "cmd/commands.h"
#include "cmd/repo2docker.h"
#include "cmd/source.h"

#define INPUTS_MAX 64

/* Options that go together. */
#define QUESTION_OPTIONS                                                                                              \
	"channel override-channels channel-priority exclude-newer pin platform virtual-package virtual-package-spec " \
	"cuda environment "
#define IMAGE_OPTIONS                                                                                                   \
	"tag output push media-types no-store layer-cache lockfile base libc layers compression prefix link-scripts "   \
	"clobber copy writable ignore-file workdir entrypoint cmd env label annotation port volume user shell ca-file " \
	"config condarc cache-dir offline jobs progress "
#define REGISTRY_OPTIONS "registry-ca insecure "
#define OUTPUT_OPTIONS "json quiet verbose "

static const struct command commands[] = {
	{ "lock", "ENVIRONMENT...|FOLDER", "Solve an environment and write conda-lock.yml.",
	  "ENVIRONMENT is an environment.yml or a text file with a spec a line; several are taken together.\n"
	  "FOLDER is one with an environment.yml in it. The lock says which packages to take for each\n"
	  "platform, with their hashes; micromamba and conda-lock read it too. Nothing is downloaded but\n"
	  "the channels' indexes. A pixi.lock or a list of URLs (@EXPLICIT) is written as conda-lock.yml,\n"
	  "unsolved.",
	  QUESTION_OPTIONS "base libc shell lockfile config condarc format md5 check update "
			   "cache-dir offline jobs dry-run progress " REGISTRY_OPTIONS OUTPUT_OPTIONS,
	  1, INPUTS_MAX, cmd_lock },
	{ "build", "ENVIRONMENT...|LOCK|FOLDER", "Make an image from an environment, a lock or a bundle.",
	  "ENVIRONMENT is an environment.yml or a text file with a spec a line; several are taken together.\n"
	  "LOCK is a conda-lock.yml, a pixi.lock, a list of URLs (@EXPLICIT) or a bundle. FOLDER is one with an\n"
	  "environment.yml in it. A conda-lock.yml beside the environment.yml is taken when it still matches;\n"
	  "else the environment is solved. A condaimg.yml beside it has more options, under their long names.\n"
	  "Prints the image and its digest: oci:app:1@sha256:...",
	  QUESTION_OPTIONS IMAGE_OPTIONS "attach dry-run " REGISTRY_OPTIONS OUTPUT_OPTIONS, 1, INPUTS_MAX, cmd_build },
	{ "digest", "ENVIRONMENT...|LOCK|FOLDER", "Print the digest of the image that build would make.",
	  "Takes what build takes, and writes no image: prints the digest of the manifest, or of the index of\n"
	  "several platforms, so that a registry can be asked whether it has it. Layers that neither the cache\n"
	  "nor --layer-cache remembers have to be made, into the cache.",
	  QUESTION_OPTIONS IMAGE_OPTIONS REGISTRY_OPTIONS OUTPUT_OPTIONS, 1, INPUTS_MAX, cmd_digest },
	{ "push", "IMAGE REF", "Send an image to a registry.",
	  "IMAGE is oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:NAME:TAG]; REF is\n"
	  "HOST/REPO[:TAG]. What the registry has is not sent again. Logins are those that podman login and\n"
	  "docker login made. An image of several platforms is sent with all of them, but for --platform.",
	  "platform/image media-types referrers/copy condarc " REGISTRY_OPTIONS OUTPUT_OPTIONS, 2, 2, cmd_push },
	{ "pull", "REF DEST", "Fetch an image from a registry.",
	  "REF is HOST/REPO[:TAG] or HOST/REPO@sha256:...; DEST is oci:DIR[:TAG], oci-archive:FILE[:TAG] or\n"
	  "docker-archive:FILE[:NAME:TAG]. Every byte is checked by its digest.",
	  "platform/image media-types referrers/copy condarc " REGISTRY_OPTIONS OUTPUT_OPTIONS, 2, 2, cmd_pull },
	{ "copy", "IMAGE DEST", "Copy an image from one place to another.",
	  "Both are oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME:TAG] or\n"
	  "docker://HOST/REPO[:TAG]. The image stays what it is, to the byte of its manifest.",
	  "platform/image media-types referrers/copy condarc " REGISTRY_OPTIONS OUTPUT_OPTIONS, 2, 2, cmd_copy },
	{ "inspect", "IMAGE", "Show an image's packages, layers, sizes and digests.",
	  "IMAGE is oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME:TAG] or\n"
	  "docker://HOST/REPO[:TAG]; of one in a registry no layer is fetched, but for --html. With --html the\n"
	  "result is a page: layers and packages by size, their files, licences, config.",
	  "html compare referrers platform/one condarc " REGISTRY_OPTIONS OUTPUT_OPTIONS, 1, 1, cmd_inspect },
	{ "diff", "A B", "Show what two images, or locks, do not have in common.",
	  "Packages, licences, configuration, and what a machine with A would pull for B. A and B are images\n"
	  "anywhere, or locks. Of images in a registry no layer is fetched: their manifests say which packages\n"
	  "there are, and the locks that are attached to them the rest.",
	  "platform/one condarc " REGISTRY_OPTIONS OUTPUT_OPTIONS, 2, 2, cmd_diff },
	{ "patch", "IMAGE SPEC...", "Move packages of an image to other versions, and leave the rest as it is.",
	  "SPEC says what is wanted of a package that is there: 'openssl>=3.0.15', or openssl for the newest. All\n"
	  "others stay, but for what has to move with it. Only layers that change are made; the rest is neither\n"
	  "pulled nor sent. The new image is the one that build would make of the new lock. IMAGE is oci:DIR[:TAG],\n"
	  "oci-archive:FILE[:TAG], docker-archive:FILE[:NAME:TAG] or docker://HOST/REPO[:TAG], with its lock\n"
	  "attached (build --attach lock) or given with --lock; else its layers are read.",
	  "channel exclude-newer platform/image tag/new output attach/new layer-cache lock/image lockfile/new old-base "
	  "layers/image compression/image link-scripts clobber ca-file condarc cache-dir offline jobs dry-run progress " REGISTRY_OPTIONS
		  OUTPUT_OPTIONS,
	  2, INPUTS_MAX, cmd_patch },
	{ "rebase", "IMAGE", "Put the packages of an image on another base.",
	  "The packages' layers stay, and are neither pulled nor sent; what lies below them is replaced, and config\n"
	  "and system files are made as build would with the new --base. Its C library must be new enough for the\n"
	  "packages. IMAGE is as for patch.",
	  "base/new platform/image tag/new output attach/new layer-cache lock/image lockfile/new old-base layers/image "
	  "compression/image link-scripts clobber ca-file condarc cache-dir offline jobs dry-run progress " REGISTRY_OPTIONS
		  OUTPUT_OPTIONS,
	  1, 1, cmd_rebase },
	{ "attach", "IMAGE LOCK", "Keep a lock and bills of materials beside an image.",
	  "IMAGE is oci:DIR[:TAG] or docker://HOST/REPO[:TAG], LOCK the one that it was built from. What is\n"
	  "attached are referrers (OCI 1.1); the image and its digest stay what they are.",
	  "attach/image platform/one condarc " REGISTRY_OPTIONS OUTPUT_OPTIONS, 2, 2, cmd_attach },
	{ "sbom", "IMAGE|LOCK", "List what is in an image or a lock as SPDX 2.3 or CycloneDX 1.6.",
	  "Names, versions, package URLs, licences, hashes, and which package needs which; the C library\n"
	  "by its upstream name, too. The same input gives the same bytes.",
	  "format/sbom output-file platform condarc " REGISTRY_OPTIONS OUTPUT_OPTIONS, 1, 1, cmd_sbom },
	{ "verify", "IMAGE", "Check every file of an image against what its packages promise.",
	  "Layers by their digests, files by the records in conda-meta; with --lock, or when the packages\n"
	  "are in the cache, the layers are built once more and compared. Differences are told one a line,\n"
	  "and the exit code is 4.",
	  "lock platform condarc cache-dir offline jobs progress " REGISTRY_OPTIONS OUTPUT_OPTIONS, 1, 1, cmd_verify },
	{ "export-rootfs", "IMAGE DIR", "Unpack an image into a new or empty directory.",
	  "The files belong to whoever calls; no layer can write outside of DIR. Devices are left out.",
	  "platform/one condarc " REGISTRY_OPTIONS OUTPUT_OPTIONS, 2, 2, cmd_export_rootfs },
	{ "bundle", "ENVIRONMENT...|LOCK|FOLDER",
	  "Put all that a build needs into one file, for machines without a network.",
	  "That is the lock, its packages as a channel, and the base image. condaimg build FILE makes the image\n"
	  "of it, with the same digest. The same lock and options give the same file. With --with-layers nothing is\n"
	  "compressed there: --prefix, --compression, --layers, --user and --ca-file, which the layers depend on, are\n"
	  "then those of the build. Prints FILE and its digest.",
	  QUESTION_OPTIONS
	  "output-file with-layers lockfile base libc layers compression prefix user shell ca-file config condarc cache-dir offline jobs " OUTPUT_OPTIONS,
	  1, INPUTS_MAX, cmd_bundle },
	{ "mirror", "LOCK... DIR", "Write the packages of locks as a channel, or add them to one.",
	  "DIR is a channel that conda, mamba, pixi and condaimg read from any web server or from file://: packages,\n"
	  "repodata.json(.zst) and shards. Running it again adds; readers in the middle are never sent to what is\n"
	  "not there yet. The same packages give the same documents.",
	  "platform environment condarc cache-dir offline jobs dry-run " OUTPUT_OPTIONS, 2, INPUTS_MAX, cmd_mirror },
	{ "cache", "info|prune|verify", "Show, shrink or check the cache of packages, repodata and layers.",
	  "info: what is in it, and what nobody used for a while. prune: remove debris, and what the options\n"
	  "say; what others are using stays. verify: hash packages and layers once more, and remove those that\n"
	  "are not what they are called; then the exit code is 4.",
	  "older-than max-size all cache-dir jobs dry-run " OUTPUT_OPTIONS, 1, 1, cmd_cache },
	{ "config", "[CHANNEL...]", "Show the configuration that is heeded, and where each value comes from.",
	  "That is what .condarc, .mambarc and CONDA_* variables come to, as YAML; which files were read;\n"
	  "and for which hosts there are logins. Passwords and tokens are not shown. Of a CHANNEL: which\n"
	  "URL it is, and its mirrors.",
	  "condarc " OUTPUT_OPTIONS, 0, INPUTS_MAX, cmd_config },
	{ "init", "[FOLDER]", "Write a first environment.yml and condaimg.yml for a folder.",
	  "What Python files and notebooks import, requirements.txt, pyproject.toml, Procfile and runtime.txt are\n"
	  "looked at; each line that is written says why it is there. Nothing is run, no network is asked, and no\n"
	  "file that exists is touched. Prints the files.",
	  "channel dry-run " OUTPUT_OPTIONS, 0, 1, cmd_init },
	{ "doctor", "[HOST/REPO...]", "Say what of this machine's set-up will not work, and why.",
	  "The cache, conda's configuration, certificates, proxies, logins, channels (-c, else those configured), and\n"
	  "the programs that condaimg goes together with; and each HOST/REPO, which is a registry's. Changes nothing.\n"
	  "The exit code is 1 where something will not work; what may only be of interest does not count.",
	  "channel condarc cache-dir offline " REGISTRY_OPTIONS OUTPUT_OPTIONS, 0, INPUTS_MAX, cmd_doctor },
	{ "completion", "bash|zsh|fish", "Print a shell's completion of all this.",
	  "To try it: source <(condaimg completion bash). Distributions install these files where shells find them.",
	  "", 1, 1, cmd_completion },
	{ "manual", "[COMMAND]", "Print a man page.",
	  "Of COMMAND, or of condaimg itself: condaimg manual build | man -l -", "", 0, 1, cmd_manual },
};

/* Exit codes, as README and every --help promise them. */
enum exit_code { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_UNSAT, EXIT_INTEGRITY };

static int exit_code(const struct err *err)
{
	switch (err->code) {
	case ERR_NONE:
		return EXIT_DONE;
	case ERR_USAGE:
		return EXIT_USAGE;
	case ERR_UNSAT:
		return EXIT_UNSAT;
	case ERR_INTEGRITY:
		return EXIT_INTEGRITY;
	case ERR_IO:
	case ERR_NET:
	case ERR_FORMAT:
	case ERR_LIMIT:
	case ERR_BUG:
	case ERR_CANCELLED:
		break;
	}
	return EXIT_FAILED;
}

static void print_overview(FILE *to)
{
	fputs("condaimg turns a conda environment.yml into an OCI container image, without Dockerfile,\n"
	      "daemon or root.\n\nUsage:\n",
	      to);
	for (size_t i = 0; i < COUNT(commands); i++)
		fprintf(to, "  condaimg %-13s %-26s %s\n", commands[i].name, commands[i].args, commands[i].summary);
	fputs("\n  jupyter-repo2docker, or condaimg repo2docker: what BinderHub calls it by, with repo2docker's options\n"
	      "\n  condaimg COMMAND --help        the command's options\n"
	      "  condaimg --version\n\n"
	      "Exit codes: 0 done, 1 failed, 2 usage, 3 unsatisfiable, 4 integrity.\n",
	      to);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* In a pipe or a log, what went well is not worth a line. */
static enum log_level choose_level(const struct options *o)
{
	if (o->quiet)
		return LOG_QUIET;
	if (o->verbose)
		return LOG_DEBUG;
	return isatty(STDERR_FILENO) ? LOG_INFO : LOG_WARN;
}

/* A result that did not reach its reader is none. */
static int flush_result(struct err *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_sys(err, "cannot write the result to stdout");
	return 0;
}

static enum exit_code finish(int rc, struct err *err)
{
	if (rc == 0)
		rc = flush_result(err);
	if (rc < 0 && colour_wanted(STDERR_FILENO))
		fprintf(stderr, "%scondaimg: error:" COLOUR_END " %s\n", colour_begin(COLOUR_BAD), err->text);
	else if (rc < 0)
		fprintf(stderr, "condaimg: error: %s\n", err->text);
	return exit_code(err);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options o;
	auto_buf help = { 0 };
	int rc = opt_parse(c, argc, argv, &o, &err);

	if (rc == 0 && o.help) {
		opt_help(c, &help);
		fputs(help.p, stdout);
	} else if (rc == 0) {
		log_set_level(choose_level(&o));
		log_set_colours(colour_wanted(STDERR_FILENO));
		o.commands = &(const struct commands){ commands, COUNT(commands) };
		rc = c->run(&o, &err);
	}
	opt_release(&o);
	return finish(rc, &err);
}

/* What the program is when it is started by another name. */
static const char *name_of(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "";
}

/* The number of a stream that is closed must not become that of a file which we write. */
static void keep_streams(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct err err = ERR_INIT;

	keep_streams();
	/* Both come back as errors of write(), which have sentences. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (strcmp(name_of(argv[0]), "jupyter-repo2docker") == 0 || strcmp(name_of(argv[0]), "repo2docker") == 0)
		return cmd_repo2docker(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "repo2docker") == 0)
		return cmd_repo2docker(argc - 2, argv + 2);
	if (strcmp(name_of(argv[0]), SOURCE_ASKPASS) == 0)
		return source_askpass(argc, argv);
	if (argc < 2) {
		print_overview(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		puts("condaimg " CONDAIMG_VERSION);
		return finish(0, &err);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		c = argc > 2 ? find_command(argv[2]) : NULL;
		if (c)
			return run(c, 1, (char *[]){ (char *)"--help", NULL });
		print_overview(stdout);
		return finish(0, &err);
	}
	c = find_command(argv[1]);
	if (!c)
		return finish(err_set(&err, ERR_USAGE, "there is no command '%s'; see condaimg --help", argv[1]), &err);
	return run(c, argc - 2, argv + 2);
}
