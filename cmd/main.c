/*
 * condaimg: environment.yml -> lock -> packages -> layers -> image.
 *
 * The map:
 *	main()			cmd/main.c		which command, exit codes; their table: cmd/commands.c
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

/* What begins with which command. */
static const struct {
	const char *command, *text;
} headings[] = {
	{ "init", "Make an image" },	   { "push", "Move it" },
	{ "inspect", "Look into it" },	   { "patch", "Change it where it is" },
	{ "bundle", "Without a network" }, { "config", "This machine" },
};

static void print_row(FILE *to, const struct command *c)
{
	for (size_t i = 0; i < COUNT(headings); i++)
		if (strcmp(headings[i].command, c->name) == 0)
			fprintf(to, "\n%s:\n", headings[i].text);
	fprintf(to, "  condaimg %-13s %-26s %s\n", c->name, c->args, c->summary);
}

static void print_overview(FILE *to)
{
	fputs("condaimg turns a conda environment.yml into an OCI container image, without Dockerfile,\n"
	      "daemon or root.\n",
	      to);
	for (size_t i = 0; i < commands_all.n; i++)
		print_row(to, &commands_all.list[i]);
	fputs("\n  jupyter-repo2docker, or condaimg repo2docker: what BinderHub calls it by, with repo2docker's options\n"
	      "\n  condaimg COMMAND --help        the command's options\n"
	      "  condaimg --version\n\n"
	      "Exit codes: 0 done, 1 failed, 2 usage, 3 unsatisfiable, 4 integrity.\n",
	      to);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < commands_all.n; i++)
		if (strcmp(commands_all.list[i].name, name) == 0)
			return &commands_all.list[i];
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
		o.commands = &commands_all;
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
