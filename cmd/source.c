#include "cmd/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"

/* ---- what is it ---- */

bool source_is_url(const char *what)
{
	static const char *const schemes[] = { "https://", "http://", "ssh://", "git://", "file://" };
	const char *colon = strchr(what, ':'), *slash = strchr(what, '/');

	for (size_t i = 0; i < COUNT(schemes); i++)
		if (str_starts(what, schemes[i]))
			return true;
	/* "git@host:path", and not "ext::program" */
	return *what != '-' && colon && colon > what && colon[1] && colon[1] != ':' && (!slash || colon < slash);
}

const char *source_elsewhere(const char *what)
{
	size_t digits = str_starts(what, "10.") ? strspn(what + 3, "0123456789") : 0;

	if (digits >= 4 && what[3 + digits] == '/')
		return "a DOI, whose files have to be asked for in the way of each archive (Zenodo, Figshare, Dataverse)";
	if (str_starts(what, "doi:") || strstr(what, "://doi.org/") || strstr(what, "://dx.doi.org/"))
		return "a DOI, whose files have to be asked for in the way of each archive (Zenodo, Figshare, Dataverse)";
	if (str_starts(what, "swh:"))
		return "an identifier of Software Heritage";
	return NULL;
}

const char *source_shown(struct arena *a, const char *what)
{
	const char *host = strstr(what, "://"), *end, *at = NULL;

	if (!host)
		return what;
	host += 3;
	end = host + strcspn(host, "/?#");
	for (const char *c = host; c < end; c++)
		if (*c == '@')
			at = c;
	return at ? arena_printf(a, "%.*s%s", (int)(host - what), what, at + 1) : what;
}

/* ---- where is the project in it ---- */

/* The one folder that holds all of an archive, or the archive's own. */
static int find_top(const char *dir, struct arena *a, const char **ret, struct err *err)
{
	const char *const *names;
	struct stat st;
	size_t n;

	if (fs_list(a, AT_FDCWD, dir, &names, &n, err) < 0)
		return -1;
	*ret = dir;
	if (n != 1)
		return 0;
	names = (const char *const[]){ arena_printf(a, "%s/%s", dir, names[0]) };
	if (lstat(names[0], &st) == 0 && S_ISDIR(st.st_mode))
		*ret = names[0];
	return 0;
}

/* Links in the project may not lead out of it. */
static int enter(const struct source_request *q, struct arena *a, struct source_place *p, struct err *err)
{
	auto_free char *top = realpath(p->dir, NULL), *real = NULL;
	const char *path;
	struct stat st;

	if (!top)
		return err_sys(err, "cannot read %s", q->what);
	path = q->subdir ? arena_printf(a, "%s/%s", top, q->subdir) : top;
	real = realpath(path, NULL);
	if (!real || stat(real, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "%s has no folder '%s'", source_shown(a, q->what), q->subdir);
	if (strncmp(real, top, strlen(top)) != 0 || (real[strlen(top)] != '/' && real[strlen(top)]))
		return err_set(err, ERR_USAGE, "the folder '%s' is outside of %s", q->subdir, source_shown(a, q->what));
	p->dir = arena_strdup(a, real);
	return 0;
}

int source_fetch(const struct source_request *q, struct arena *a, struct source_place *ret, struct err *err)
{
	const char *into = arena_printf(a, "%s/repo", q->tmp);
	struct stat st;
	int rc;

	*ret = (struct source_place){ .kind = SOURCE_FOLDER, .dir = q->what };
	if (stat(q->what, &st) == 0 && S_ISDIR(st.st_mode))
		return enter(q, a, ret, err);
	if (mkdir(into, 0755) < 0)
		return err_sys(err, "cannot make directory %s", into);
	ret->dir = into;
	if (stat(q->what, &st) == 0 && S_ISREG(st.st_mode)) {
		ret->kind = SOURCE_ARCHIVE;
		rc = source_unpack(q->what, into, err);
		if (rc == 0)
			rc = find_top(into, a, &ret->dir, err);
	} else if (source_is_url(q->what)) {
		ret->kind = SOURCE_GIT;
		rc = source_git(q, into, a, &ret->commit, err);
	} else {
		rc = err_set(err, ERR_USAGE, "%s is neither a folder, nor an archive, nor the URL of a git repository",
			     q->what);
	}
	return rc < 0 ? -1 : enter(q, a, ret, err);
}
