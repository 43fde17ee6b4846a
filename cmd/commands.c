/* The table of commands: what each is called, says of itself and takes. */
#include "cmd/commands.h"

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

static const struct command list[] = {
	{ "init", "[FOLDER]", "Write a first environment.yml and condaimg.yml for a folder.",
	  "What Python files and notebooks import, requirements.txt, pyproject.toml, Procfile and runtime.txt are\n"
	  "looked at; each line that is written says why it is there. Nothing is run, no network is asked, and no\n"
	  "file that exists is touched. Prints the files.",
	  "channel dry-run " OUTPUT_OPTIONS, 0, 1, cmd_init },
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
	{ "bundle", "ENVIRONMENT...|LOCK|FOLDER",
	  "Put all that a build needs into one file, for machines without a network.",
	  "That is the lock, its packages as a channel, and the base image. condaimg build FILE makes the image\n"
	  "of it, with the same digest. The same lock and options give the same file. With --with-layers nothing is\n"
	  "compressed there: --prefix, --compression, --layers, --user and --ca-file, which the layers depend on, are\n"
	  "then those of the build. Prints FILE and its digest.",
	  QUESTION_OPTIONS
	  "output-file/bundle with-layers lockfile base libc layers compression prefix user shell ca-file "
	  "config condarc cache-dir offline jobs " OUTPUT_OPTIONS,
	  1, INPUTS_MAX, cmd_bundle },
	{ "mirror", "LOCK... DIR", "Write the packages of locks as a channel, or add them to one.",
	  "DIR is a channel that conda, mamba, pixi and condaimg read from any web server or from file://: packages,\n"
	  "repodata.json(.zst) and shards. Running it again adds; readers in the middle are never sent to what is\n"
	  "not there yet. The same packages give the same documents.",
	  "platform environment condarc cache-dir offline jobs dry-run " OUTPUT_OPTIONS, 2, INPUTS_MAX, cmd_mirror },
	{ "config", "[CHANNEL...]", "Show the configuration that is heeded, and where each value comes from.",
	  "That is what .condarc, .mambarc and CONDA_* variables come to, as YAML; which files were read;\n"
	  "and for which hosts there are logins. Passwords and tokens are not shown. Of a CHANNEL: which\n"
	  "URL it is, and its mirrors.",
	  "condarc " OUTPUT_OPTIONS, 0, INPUTS_MAX, cmd_config },
	{ "cache", "info|prune|verify", "Show, shrink or check the cache of packages, repodata and layers.",
	  "info: what is in it, and what nobody used for a while. prune: remove debris, and what the options\n"
	  "say; what others are using stays. verify: hash packages and layers once more, and remove those that\n"
	  "are not what they are called; then the exit code is 4.",
	  "older-than max-size all cache-dir jobs dry-run " OUTPUT_OPTIONS, 1, 1, cmd_cache },
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

const struct commands commands_all = { list, COUNT(list) };
