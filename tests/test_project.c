/* condaimg.yml and the command line. NAME.yml is read as NAME.want says; bad-WHY.yml is refused as bad-WHY.err begins. */
#include "check.h"

#include <stdlib.h>

#include "cmd/project.h"

static void add(struct buf *b, const char *name, const char *value)
{
	if (value)
		buf_addf(b, "%s %s\n", name, value);
}

static void add_list(struct buf *b, const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(b, name, list[i]);
}

/* Everything that was read, a line each, by name. */
static void dump(const struct options *o, struct buf *b)
{
	add_list(b, "annotation", o->annotations, o->n_annotations);
	add_list(b, "attach", o->attaches, o->n_attaches);
	add(b, "base", o->base);
	add_list(b, "ca-file", o->ca_files, o->n_ca_files);
	add_list(b, "channel", o->channels, o->n_channels);
	add(b, "channel-priority", o->channel_priority);
	add(b, "cmd", o->cmd);
	add(b, "compression", o->compression);
	add_list(b, "copy", o->copies, o->n_copies);
	add(b, "cuda", o->cuda);
	add(b, "entrypoint", o->entrypoint);
	add_list(b, "env", o->envs, o->n_envs);
	add(b, "environment", o->environment);
	add(b, "exclude-newer", o->exclude_newer);
	add_list(b, "label", o->labels, o->n_labels);
	add(b, "layers", o->layers);
	add(b, "libc", o->libc);
	add(b, "lockfile", o->lockfile);
	add(b, "output", o->output);
	if (o->override_channels)
		buf_adds(b, "override-channels\n");
	add_list(b, "pin", o->pins, o->n_pins);
	add_list(b, "platform", o->platforms, o->n_platforms);
	add_list(b, "port", o->ports, o->n_ports);
	add(b, "prefix", o->prefix);
	if (o->shell)
		buf_adds(b, "shell\n");
	add_list(b, "tag", o->tags, o->n_tags);
	add(b, "user", o->user);
	add_list(b, "virtual-package", o->virtual_packages, o->n_virtual_packages);
	add(b, "virtual-package-spec", o->virtual_package_spec);
	add_list(b, "volume", o->volumes, o->n_volumes);
	add(b, "workdir", o->workdir);
}

static char *test_path(const char *name)
{
	const char *root = getenv("CONDAIMG_SOURCE_ROOT");

	return mem_printf("%s/testdata/%s", root ? root : ".", name);
}

static void files_in_testdata(void **state)
{
	auto_free char *path = test_path("config");
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	auto_fd dir = fs_opendir_existing(AT_FDCWD, path, &err);
	const char *const *names;
	size_t n, good = 0, bad = 0;

	(void)state;
	assert_ok(dir, err);
	assert_ok(fs_list(&a, dir, ".", &names, &n, &err), err);
	for (size_t i = 0; i < n; i++) {
		const char *stem = arena_strndup(&a, names[i], strlen(names[i]) - 4);
		bool refused = str_starts(names[i], "bad-");
		auto_buf text = { 0 }, want = { 0 }, got = { 0 };
		struct options o = { 0 };
		int rc;

		if (!str_ends(names[i], ".yml"))
			continue;
		assert_ok(fs_read(dir, names[i], 1 << 20, &text, &err), err);
		assert_ok(fs_read(dir, arena_printf(&a, "%s.%s", stem, refused ? "err" : "want"), 1 << 20, &want, &err),
			  err);
		rc = project_parse(&a, buf_cstr(&text), text.n, names[i], "sub", &o, &err);
		dump(&o, &got);
		opt_release(&o);
		if (!refused && (rc < 0 || strcmp(buf_cstr(&got), buf_cstr(&want)) != 0))
			fail_msg("%s: %s\n%s", names[i], err.text, buf_cstr(&got));
		if (refused && (rc == 0 || strncmp(err.text, want.p, want.n - 1) != 0))
			fail_msg("%s: '%s', expected '%s'", names[i], err.text, want.p);
		err_clear(&err);
		good += !refused;
		bad += refused;
	}
	assert_true(good >= 2 && bad >= 20);
}

static void the_command_line_wins(void **state)
{
	const char *over_env[] = { "A=over" }, *over_channels[] = { "c1" };
	const char *under_env[] = { "A=under", "B=1" }, *under_channels[] = { "c2" }, *args[] = { "." };
	struct options over = { .user = "root",
				.envs = over_env,
				.n_envs = 1,
				.channels = over_channels,
				.n_channels = 1,
				.quiet = true,
				.args = args,
				.n_args = 1 };
	struct options under = { .user = "app",
				 .workdir = "/app",
				 .shell = true,
				 .envs = under_env,
				 .n_envs = 2,
				 .channels = under_channels,
				 .n_channels = 1 };
	struct options both;

	(void)state;
	project_merge(&over, &under, &both);
	assert_string_equal(both.user, "root");
	assert_string_equal(both.workdir, "/app");
	assert_true(both.shell && both.quiet);
	assert_int_equal(both.n_envs, 3);
	assert_string_equal(both.envs[0], "A=under");
	assert_string_equal(both.envs[2], "A=over"); /* of two of a name the later counts */
	assert_int_equal(both.n_channels, 2);
	assert_string_equal(both.channels[0], "c1");
	assert_string_equal(both.channels[1], "c2");
	assert_string_equal(both.args[0], ".");
	project_forget(&both);
}

static void write_file(const struct check_dir *d, const char *name, const char *text)
{
	struct err err = ERR_INIT;

	assert_ok(fs_write(d->fd, name, text, strlen(text), 0644, &err), err);
}

static int open_one(const char *arg, const char *config, struct project *p, struct err *err)
{
	const char *args[] = { arg };
	struct options o = { .args = args, .n_args = 1, .config = config };

	return project_open(&o, p, err);
}

static void a_folder_stands_for_its_files(void **state)
{
	struct check_dir d = check_mkdir();
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const char *folder = arena_printf(&a, "%s/My Project_2!", d.path);
	const char *env = arena_printf(&a, "%s/environment.yml", folder);
	auto_project p = { 0 };

	(void)state;
	assert_ok(fs_mkdirs(d.fd, "My Project_2!", &err), err);
	assert_int_equal(open_one(folder, NULL, &p, &err), -1);
	assert_err(err, ERR_USAGE, "is a folder without an environment.yml");
	err_clear(&err);
	write_file(&d, "My Project_2!/environment.yml", "");
	write_file(&d, "My Project_2!/condaimg.yml", "copy: src:/app\n");
	project_release(&p);
	assert_ok(open_one(folder, NULL, &p, &err), err);
	assert_string_equal(p.name, "my-project-2");
	assert_string_equal(p.options.args[0], env);
	assert_string_equal(p.options.copies[0], arena_printf(&a, "%s/src:/app", folder));
	project_release(&p);
	assert_ok(open_one(folder, "none", &p, &err), err);
	assert_int_equal(p.options.n_copies, 0);
	project_release(&p);
	/* The file itself: the same options, no name. */
	assert_ok(open_one(env, NULL, &p, &err), err);
	assert_null(p.name);
	assert_int_equal(p.options.n_copies, 1);
	project_release(&p);
	write_file(&d, "My Project_2!/environment.yaml", "");
	assert_int_equal(open_one(folder, NULL, &p, &err), -1);
	assert_err(err, ERR_USAGE, "name the one to take");
	check_rmdir(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_in_testdata),
		cmocka_unit_test(the_command_line_wins),
		cmocka_unit_test(a_folder_stands_for_its_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
