#include "cmd/opt.h"

#include <stdio.h>

#define HELP_COLUMN 30

/* A MAYBE is a LIST whose value may be left out (there is one: --update). */
enum kind { FLAG, COUNTED, TEXT, LIST, MAYBE };

struct option {
	const char *name; /* what stands behind a '/' only tells options of one name apart */
	char letter; /* or 0 */
	enum kind kind;
	size_t offset; /* in struct options; a LIST's count follows its pointer */
	const char *value; /* of TEXT and LIST, for help */
	const char *help;
};

#define AT(field) offsetof(struct options, field)

static const struct option table[] = {
	{ "channel", 'c', LIST, AT(channels), "CHANNEL",
	  "search this channel too, before those of the file: a name, a URL or a path; may be repeated" },
	{ "override-channels", 0, FLAG, AT(override_channels), NULL, "search only the channels given with -c" },
	{ "channel-priority", 0, TEXT, AT(channel_priority), "strict|flexible|disabled",
	  "whether a lower channel may provide what a higher one has (default: flexible, as conda)" },
	{ "exclude-newer", 0, TEXT, AT(exclude_newer), "DATE",
	  "take no package that is newer: 2026-01-31 (the whole day, UTC), an RFC 3339 time or seconds since 1970" },
	{ "pin", 0, LIST, AT(pins), "SPEC", "if the package is installed at all, it meets this; may be repeated" },
	{ "platform/image", 0, LIST, AT(platforms), "PLATFORM",
	  "which of the image's: linux/amd64, linux-64, linux/arm64, linux-aarch64 (default: all of them)" },
	{ "platform/one", 0, LIST, AT(platforms), "PLATFORM",
	  "which of the image's: linux/amd64, linux-64, linux/arm64, linux-aarch64" },
	{ "platform", 0, LIST, AT(platforms), "PLATFORM",
	  "linux-64, linux/amd64, linux-aarch64, linux/arm64 (default: this machine's); lock and build take several: A,B" },
	{ "virtual-package", 0, LIST, AT(virtual_packages), "NAME=VERSION[=BUILD]",
	  "what the machine that runs the image has: __glibc=2.28, __cuda=12.4; may be repeated" },
	{ "virtual-package-spec", 0, TEXT, AT(virtual_package_spec), "FILE",
	  "the same from a file, as conda-lock has it (default: virtual-packages.yml beside the environment file)" },
	{ "cuda", 0, TEXT, AT(cuda), "VERSION", "short for --virtual-package __cuda=VERSION; \"\" takes it away" },
	{ "environment", 'e', TEXT, AT(environment), "NAME[@PLATFORM]",
	  "which environment of a pixi.lock (default: default)" },
	{ "format", 0, TEXT, AT(format), "conda-lock|explicit",
	  "what to write: conda-lock.yml (default), or a list of URLs, to stdout but for --lockfile" },
	{ "md5", 0, FLAG, AT(md5), NULL, "with --format explicit: md5 instead of sha256, for old readers" },
	{ "tag", 't', LIST, AT(tags), "NAME[:TAG]",
	  "name the image; without -o it is written to oci:NAME:TAG; may be repeated" },
	{ "tag/new", 't', TEXT, AT(new_tag), "TAG", "what the new image is called, beside the old one" },
	{ "output", 'o', TEXT, AT(output), "DEST",
	  "oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME:TAG] or docker://HOST/REPO[:TAG]" },
	{ "push", 0, LIST, AT(pushes), "REF",
	  "send the image to a registry: HOST/REPO[:TAG]; with -o or -t, too; may be repeated" },
	{ "media-types", 0, TEXT, AT(media_types), "oci|docker",
	  "docker: for readers that know no OCI (default: oci)" },
	{ "attach", 0, LIST, AT(attaches), "lock,sbom,provenance",
	  "keep these beside the image, as referrers: sbom is spdx and cyclonedx; may be repeated" },
	{ "attach/new", 0, LIST, AT(attaches), "lock,spdx,cyclonedx",
	  "keep these beside the new image (default: those that the old one has); sbom is spdx and cyclonedx" },
	{ "attach/image", 0, LIST, AT(attaches), "lock,spdx,cyclonedx",
	  "which of these (default: all); sbom is spdx and cyclonedx; may be repeated" },
	{ "no-store", 0, FLAG, AT(no_store), NULL,
	  "send layers to the registry while they are made, and keep none on this machine" },
	{ "layer-cache", 0, LIST, AT(layer_caches), "HOST/REPO",
	  "layers that others made, in a registry, whose writers are trusted; written to, too; further ones are only read" },
	{ "registry-ca", 0, TEXT, AT(registry_ca), "FILE",
	  "certificates (PEM) that registries are trusted by, besides the system's and those in certs.d" },
	{ "insecure", 0, FLAG, AT(insecure), NULL, "speak to registries without TLS, or whatever their certificate" },
	{ "output-file", 'o', TEXT, AT(output_file), "FILE", "write to this file (default: stdout)" },
	{ "output-file/bundle", 'o', TEXT, AT(output_file), "FILE",
	  "write to this file (default: the environment's name and .bundle)" },
	{ "format/sbom", 0, TEXT, AT(format), "spdx|cyclonedx", "SPDX 2.3 or CycloneDX 1.6, as JSON (default: spdx)" },
	{ "lock/image", 0, TEXT, AT(lock), "FILE",
	  "what the image was built from (default: the lock that is attached to it)" },
	{ "lock", 0, TEXT, AT(lock), "FILE",
	  "build what this conda-lock.yml says, fetching what is missing, and compare" },
	{ "lockfile", 0, TEXT, AT(lockfile), "FILE", "the lock (default: conda-lock.yml beside the environment file)" },
	{ "lockfile/new", 0, TEXT, AT(lockfile), "FILE", "write the new image's lock there, too" },
	{ "check", 0, FLAG, AT(check), NULL,
	  "only say whether the lock is current, without any network; exit 1 if it is not" },
	{ "update", 0, MAYBE, AT(updates), "[PACKAGE,...]",
	  "keep what is locked and move only these and what they need; without a name: everything, as without --update" },
	{ "base", 0, TEXT, AT(base), "DEST|scratch",
	  "put the layers on top of this image, which stays untouched (default: scratch)" },
	{ "base/new", 0, TEXT, AT(base), "DEST|scratch", "the image to put the packages' layers on" },
	{ "old-base", 0, TEXT, AT(old_base), "DEST",
	  "where the base is that the image is on now, where its annotations do not lead there" },
	{ "libc", 0, TEXT, AT(libc), "auto|none",
	  "auto: on scratch, take the C library from the channel's sysroot package; none: leave it out" },
	{ "with-layers", 0, FLAG, AT(with_layers), NULL,
	  "put the image's layers in, too: a build with the same --prefix, --compression, --layers, --user and --ca-file "
	  "takes them as they are, and makes any other from the packages" },
	{ "layers/image", 0, TEXT, AT(layers), "N", "what the image was built with (default: as it looks)" },
	{ "layers", 0, TEXT, AT(layers), "N", "no more layers than this, the base's included (default: 60)" },
	{ "compression/image", 0, TEXT, AT(compression), "gzip|zstd[:LEVEL]",
	  "what the image was built with (default: as it looks)" },
	{ "compression", 0, TEXT, AT(compression), "gzip|zstd[:LEVEL]", "of the layers (default: gzip)" },
	{ "prefix", 0, TEXT, AT(prefix), "DIR",
	  "where the environment is in the image (default: /opt/conda/envs/default)" },
	{ "link-scripts", 0, TEXT, AT(link_scripts), "fail|ignore",
	  "where a package has a script to run after linking, and what it does is not known (default: fail)" },
	{ "clobber", 0, TEXT, AT(clobber), "warn|error",
	  "where two packages bring different files of one path (default: warn)" },
	{ "copy", 0, LIST, AT(copies), "SRC:DST",
	  "put a file, or what is in a folder, into the image; may be repeated" },
	{ "writable", 0, FLAG, AT(writable), NULL,
	  "what is copied belongs to the user of --user and to group 0, who may write to it (default: to root)" },
	{ "ignore-file", 0, LIST, AT(ignore_files), "FILE",
	  "what --copy leaves out of folders (default: their .dockerignore, and the project's); may be repeated" },
	{ "workdir", 0, TEXT, AT(workdir), "DIR", "where commands run (default: the user's home)" },
	{ "entrypoint", 0, TEXT, AT(entrypoint), "WORDS",
	  "what is started: python -m app, or [\"python\", \"-m\", \"app\"]" },
	{ "cmd", 0, TEXT, AT(cmd), "WORDS", "its arguments, or what is started (default: python, where there is one)" },
	{ "env", 0, LIST, AT(envs), "NAME=VALUE", "set a variable; may be repeated" },
	{ "label", 0, LIST, AT(labels), "NAME=VALUE", "of the image's config; may be repeated" },
	{ "annotation", 0, LIST, AT(annotations), "NAME=VALUE", "of the image's manifest; may be repeated" },
	{ "port", 0, LIST, AT(ports), "PORT[/udp]", "say that the application listens there; may be repeated" },
	{ "volume", 0, LIST, AT(volumes), "DIR", "say that data is kept there; may be repeated" },
	{ "user", 0, TEXT, AT(user), "NAME[:UID]", "as whom commands run, in group 0 (default: conda:1000)" },
	{ "shell", 0, FLAG, AT(shell), NULL, "add bash and coreutils, as /bin/sh and /usr/bin/env too" },
	{ "ca-file", 0, LIST, AT(ca_files), "FILE", "trust these certificates (PEM), too; may be repeated" },
	{ "config", 0, TEXT, AT(config), "FILE|none",
	  "more options (default: condaimg.yml beside the environment file)" },
	{ "condarc", 0, TEXT, AT(condarc), "FILE|none",
	  "conda's configuration: this file alone, or none (default: those that conda and mamba read)" },
	{ "cache-dir", 0, LIST, AT(cache_dirs), "DIR",
	  "packages, repodata and layers (default: ~/.cache/condaimg); further ones are only read" },
	{ "older-than", 0, TEXT, AT(older_than), "TIME", "remove what nobody used for so long: 12h, 30d, 8w" },
	{ "max-size", 0, TEXT, AT(max_size), "SIZE",
	  "remove the longest unused until the rest is no larger: 500M, 10G" },
	{ "all", 0, FLAG, AT(all), NULL, "remove everything" },
	{ "offline", 0, FLAG, AT(offline), NULL, "use what is in the cache; never ask the network" },
	{ "jobs", 'j', TEXT, AT(jobs), "N", "threads (default: one a CPU)" },
	{ "html", 0, TEXT, AT(html), "FILE",
	  "write a page that shows all of it in a browser, without any network; -: to stdout" },
	{ "compare", 0, LIST, AT(compares), "IMAGE",
	  "tell what it shares with this image, and what a push to a registry that has it sends; may be repeated" },
	{ "referrers/copy", 0, FLAG, AT(referrers), NULL, "copy what is attached to the image, too" },
	{ "referrers", 0, FLAG, AT(referrers), NULL, "tell what is attached to the image, too" },
	{ "dry-run", 0, FLAG, AT(dry_run), NULL, "say what would be done; write nothing" },
	{ "json", 0, FLAG, AT(json), NULL, "print the result as JSON" },
	{ "progress", 0, TEXT, AT(progress), "auto|plain|json|none",
	  "how far it is, on stderr: a line on a terminal, lines of a log, events (default: auto)" },
	{ "quiet", 'q', FLAG, AT(quiet), NULL, "print nothing but the result and errors" },
	{ "verbose", 'v', COUNTED, AT(verbose), NULL, "say more" },
	{ "help", 'h', FLAG, AT(help), NULL, "print this help" },
};

static bool takes(const struct command *c, const struct option *o)
{
	struct str rest = str_of(c->options), name;

	if (o->offset == AT(help))
		return true;
	while (str_cut(&rest, ' ', &name))
		if (str_eq(name, o->name))
			return true;
	return false;
}

/* As it is written. */
static struct str written(const struct option *o)
{
	return (struct str){ o->name, strcspn(o->name, "/") };
}

static const struct option *find_long(const struct command *c, struct str name)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (name.n == written(&table[i]).n && strncmp(name.p, table[i].name, name.n) == 0 &&
		    takes(c, &table[i]))
			return &table[i];
	return NULL;
}

static const struct option *find_letter(const struct command *c, char letter)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (table[i].letter && table[i].letter == letter && takes(c, &table[i]))
			return &table[i];
	return NULL;
}

static bool has_value(const struct option *o)
{
	return o->kind == TEXT || o->kind == LIST || o->kind == MAYBE;
}

static void append(const char ***list, size_t *n, const char *value)
{
	mem_grow(*list, *n);
	(*list)[(*n)++] = value;
}

static void set(struct options *o, const struct option *opt, const char *value)
{
	void *at = (char *)o + opt->offset;

	switch (opt->kind) {
	case FLAG:
		*(bool *)at = true;
		break;
	case COUNTED:
		++*(unsigned *)at;
		break;
	case TEXT:
		*(const char **)at = value;
		break;
	case MAYBE:
		if (!value)
			break;
		/* fall through */
	case LIST:
		append(at, (size_t *)((char *)at + sizeof(const char **)), value);
		break;
	}
}

static int unknown(const struct command *c, const char *text, struct err *err)
{
	return err_set(err, ERR_USAGE, "%s has no option '%s'; see condaimg %s --help", c->name, text, c->name);
}

/* The option's value is what stands behind it, or the next argument. */
static int take_value(const struct option *opt, const char *behind, int argc, char **argv, int *i, struct options *ret,
		      struct err *err)
{
	if (!behind && opt->kind == MAYBE && (*i + 1 >= argc || argv[*i + 1][0] == '-')) {
		set(ret, opt, NULL);
		return 0;
	}
	if (!behind) {
		if (*i + 1 >= argc)
			return err_set(err, ERR_USAGE, "--%.*s needs a value: --%.*s %s", (int)written(opt).n,
				       opt->name, (int)written(opt).n, opt->name, opt->value);
		behind = argv[++*i];
	}
	set(ret, opt, behind);
	return 0;
}

static int parse_long(const struct command *c, int argc, char **argv, int *i, struct options *ret, struct err *err)
{
	const char *text = argv[*i] + 2, *eq = strchr(text, '=');
	const struct option *opt = find_long(c, (struct str){ text, eq ? (size_t)(eq - text) : strlen(text) });

	if (!opt)
		return unknown(c, argv[*i], err);
	if (has_value(opt))
		return take_value(opt, eq ? eq + 1 : NULL, argc, argv, i, ret, err);
	if (eq)
		return err_set(err, ERR_USAGE, "--%s takes no value", opt->name);
	set(ret, opt, NULL);
	return 0;
}

static int parse_letters(const struct command *c, int argc, char **argv, int *i, struct options *ret, struct err *err)
{
	for (const char *at = argv[*i] + 1; *at; at++) {
		const struct option *opt = find_letter(c, *at);

		if (!opt)
			return unknown(c, argv[*i], err);
		if (has_value(opt))
			return take_value(opt, at[1] ? at + 1 : NULL, argc, argv, i, ret, err);
		set(ret, opt, NULL);
	}
	return 0;
}

int opt_parse(const struct command *c, int argc, char **argv, struct options *ret, struct err *err)
{
	bool only_args = false;

	*ret = (struct options){ 0 };
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		int rc = 0;

		if (only_args || a[0] != '-' || a[1] == '\0')
			append(&ret->args, &ret->n_args, a);
		else if (strcmp(a, "--") == 0)
			only_args = true;
		else if (a[1] == '-')
			rc = parse_long(c, argc, argv, &i, ret, err);
		else
			rc = parse_letters(c, argc, argv, &i, ret, err);
		if (rc < 0)
			return -1;
	}
	if (ret->help)
		return 0;
	if (ret->n_args < c->min_args && ret->n_updates)
		return err_set(
			err, ERR_USAGE,
			"%s needs %s, and --update took '%s' for a package: put the file first (%s FILE --update), "
			"or a name behind --update",
			c->name, c->args, ret->updates[0], c->name);
	if (ret->n_args < c->min_args)
		return err_set(err, ERR_USAGE, "%s needs %s; see condaimg %s --help", c->name, c->args, c->name);
	if (ret->n_args > c->max_args)
		return err_set(err, ERR_USAGE, "%s does not take '%s'; see condaimg %s --help", c->name,
			       ret->args[c->max_args], c->name);
	return 0;
}

void opt_release(struct options *o)
{
	for (size_t i = 0; i < COUNT(table); i++) {
		const char ***list = (void *)((char *)o + table[i].offset);

		if (table[i].kind != LIST && table[i].kind != MAYBE)
			continue;
		free(*list);
		*list = NULL; /* some have two rows */
	}
	free(o->args);
	*o = (struct options){ 0 };
}

void opt_help_row(const struct option_told *o, struct buf *ret)
{
	size_t begin = ret->n, width;

	if (o->letter)
		buf_addf(ret, "  -%c, --", o->letter);
	else
		buf_adds(ret, "      --");
	buf_add(ret, o->name.p, o->name.n);
	if (o->value)
		buf_addf(ret, " %s", o->value);
	width = ret->n - begin;
	if (width + 2 > HELP_COLUMN) {
		buf_addc(ret, '\n');
		width = 0;
	}
	buf_addf(ret, "%*s%s\n", (int)(HELP_COLUMN - width), "", o->help);
}

void opt_help(const struct command *c, struct buf *ret)
{
	struct option_told o;

	buf_addf(ret, "Usage: condaimg %s %s%s[options]\n\n%s\n", c->name, c->args, *c->args ? " " : "", c->summary);
	if (c->details)
		buf_addf(ret, "\n%s\n", c->details);
	buf_adds(ret, "\nOptions:\n");
	for (size_t i = 0; opt_tell(c, i, &o); i++)
		opt_help_row(&o, ret);
}

bool opt_tell(const struct command *c, size_t i, struct option_told *ret)
{
	for (const struct option *o = table; o < table + COUNT(table); o++) {
		if ((c && !takes(c, o)) || i--)
			continue;
		*ret = (struct option_told){ .name = written(o),
					     .letter = o->letter,
					     .value = has_value(o) ? o->value : NULL,
					     .may_miss = o->kind == MAYBE,
					     .repeats = o->kind == LIST || o->kind == COUNTED,
					     .help = o->help };
		return true;
	}
	return false;
}
