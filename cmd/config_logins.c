#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "cmd/config.h"
#include "fetch/url.h"

#define FILE_MAX ((uint64_t)4 << 20)
#define TOKEN_MAX ((uint64_t)64 << 10)

struct logins {
	struct auth *auth;
	struct arena arena;
	const char *home; /* or NULL */
};

typedef int add_fn(struct auth *a, const char *text, size_t n, const char *name, struct err *err);

/* A file that is not there is none; one that cannot be read is no reason not to go on. */
static void read_file(struct logins *l, const char *path, const char *name, add_fn *add)
{
	auto_buf text = { 0 };
	struct err err = ERR_INIT;

	auth_looked_at(l->auth, name);
	if (!fs_exists(AT_FDCWD, path))
		return;
	if (fs_read(AT_FDCWD, path, FILE_MAX, &text, &err) < 0 || add(l->auth, buf_cstr(&text), text.n, name, &err) < 0)
		log_warn("logins: %s", err.text);
	/* the buffer held secrets */
	explicit_bzero(text.p ? text.p : (char[1]){ 0 }, text.n);
}

static void read_at_home(struct logins *l, const char *path, add_fn *add)
{
	if (l->home)
		read_file(l, arena_printf(&l->arena, "%s/%s", l->home, path), arena_printf(&l->arena, "~/%s", path),
			  add);
}

static void read_tokens(struct logins *l, const char *folder)
{
	const char *const *names;
	struct err err = ERR_INIT;
	size_t n = 0;

	if (!fs_exists(AT_FDCWD, folder) || fs_list(&l->arena, AT_FDCWD, folder, &names, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(&l->arena, "%s/%s", folder, names[i]);
		auto_buf text = { 0 };

		if (!str_ends(names[i], ".token"))
			continue;
		if (fs_read(AT_FDCWD, path, TOKEN_MAX, &text, &err) < 0) {
			log_warn("logins: %s", err.text);
			err_clear(&err);
			continue;
		}
		auth_add_token(l->auth, names[i], buf_cstr(&text), text.n, config_place(&l->arena, path));
	}
}

/* anaconda-client's, where conda looks and where mamba does. */
static void read_anaconda(struct logins *l)
{
	const char *own = config_variable("BINSTAR_CONFIG_DIR"), *xdg = config_variable("XDG_CONFIG_HOME");

	auth_looked_at(l->auth, "anaconda-client's tokens");
	if (own)
		read_tokens(l, arena_printf(&l->arena, "%s/data", own));
	else if (xdg)
		read_tokens(l, arena_printf(&l->arena, "%s/binstar", xdg));
	else if (l->home)
		read_tokens(l, arena_printf(&l->arena, "%s/.config/binstar", l->home));
	if (l->home)
		read_tokens(l, arena_printf(&l->arena, "%s/.continuum/anaconda-client/tokens", l->home));
}

/* The logins in URLs of the configuration, each for what is below it. */
static void read_configured(struct logins *l, const struct condarc *rc)
{
	static const enum condarc_key keys[] = {
		CONDARC_CHANNELS,	 CONDARC_CHANNEL_ALIAS,	       CONDARC_DEFAULT_CHANNELS,
		CONDARC_CUSTOM_CHANNELS, CONDARC_CUSTOM_MULTICHANNELS, CONDARC_MIRRORED_CHANNELS
	};

	for (size_t i = 0; i < COUNT(keys); i++)
		for (size_t k = 0; k < rc->values[keys[i]].n; k++) {
			const struct condarc_item *item = &rc->values[keys[i]].items[k];

			if (item->text)
				auth_add_url(l->auth,
					     keys[i] == CONDARC_CUSTOM_CHANNELS
						     ? url_join(&l->arena, item->text, item->key)
						     : item->text,
					     item->from);
		}
}

struct auth *config_logins(const struct config *c)
{
	struct logins l = { .auth = auth_new(), .home = config_variable("HOME") };
	const char *rattler = config_variable("RATTLER_AUTH_FILE"), *netrc = config_variable("NETRC");

	read_configured(&l, &c->rc);
	if (rattler)
		read_file(&l, rattler, "RATTLER_AUTH_FILE", auth_add_rattler);
	read_at_home(&l, ".rattler/credentials.json", auth_add_rattler);
	read_at_home(&l, ".mamba/auth/authentication.json", auth_add_mamba);
	if (condarc_bool(&c->rc, CONDARC_ADD_ANACONDA_TOKEN, true))
		read_anaconda(&l);
	if (netrc)
		read_file(&l, netrc, "NETRC", auth_add_netrc);
	else
		read_at_home(&l, ".netrc", auth_add_netrc);
	arena_release(&l.arena);
	return l.auth;
}
