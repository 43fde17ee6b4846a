/* What --copy takes, leaves out, refuses; and how it comes to lie on what is below. */
#include "check.h"

#include <sys/stat.h>

#include "cmd/copy.h"

struct place {
	struct check_dir dir;
	struct arena arena;
	struct ground ground;
	const char *user; /* whose what is copied is to be; NULL: root's */
	const char *ignore; /* a file for --ignore-file; or NULL */
};

static int make_place(void **state)
{
	struct place *p = NEW(struct place);
	struct tree *t = tree_memory();
	struct err err = ERR_INIT;

	p->dir = check_mkdir();
	/* A base with a merged /usr, and what is not 0755. */
	tree_memory_symlink(t, "bin", "usr/bin");
	tree_memory_symlink(t, "lib", "/usr/lib");
	tree_memory_dir(t, "tmp", 01777);
	tree_memory_dir(t, "usr", 0755);
	tree_memory_dir(t, "usr/bin", 0755);
	tree_memory_dir(t, "usr/lib", 0755);
	tree_memory_dir(t, "home/conda", 0775);
	tree_memory_symlink(t, "srv", "var/srv");
	tree_memory_symlink(t, "var/srv", "../loop/x");
	tree_memory_symlink(t, "loop", "srv/..");
	tree_memory_symlink(t, "deep", "usr/lib/..");
	tree_memory_symlink(t, "up", "bin/../lib");
	assert_ok(ground_add(&p->ground, t, &err), err);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	ground_release(&p->ground);
	arena_release(&p->arena);
	check_rmdir(&p->dir);
	free(p);
	return 0;
}

static void put(struct place *p, const char *name, const char *text, mode_t mode)
{
	const char *slash = strrchr(name, '/');
	struct err err = ERR_INIT;

	if (slash)
		assert_ok(fs_mkdirs(p->dir.fd, arena_strndup(&p->arena, name, (size_t)(slash - name)), &err), err);
	assert_ok(fs_write(p->dir.fd, name, text, strlen(text), mode, &err), err);
}

static const char *full(struct place *p, const char *name)
{
	return arena_printf(&p->arena, "%s/%s", p->dir.path, name);
}

/* "SRC:DST ..." of files below the place, as a plan. */
static int plan(struct place *p, const char *copies, const char *workdir, struct copy *ret, struct err *err)
{
	struct options o = { .workdir = workdir, .user = p->user, .writable = p->user != NULL };
	struct str rest = str_of(copies), one;
	const char *skip[] = { full(p, "app/out"), NULL };
	struct app app;
	int rc;

	if (p->ignore) {
		mem_grow(o.ignore_files, o.n_ignore_files);
		o.ignore_files[o.n_ignore_files++] = p->ignore;
	}
	while (copies[0] && str_cut(&rest, ' ', &one)) {
		mem_grow(o.copies, o.n_copies);
		o.copies[o.n_copies++] = arena_printf(&p->arena, "%s/%.*s", p->dir.path, (int)one.n, one.p);
	}
	rc = app_read(&o, &p->arena, &app, err);
	if (rc == 0)
		rc = copy_plan(&(struct copy_request){ .app = &app,
						       .context = p->dir.path,
						       .ground = &p->ground,
						       .prefix = "/opt/env",
						       .skip = skip },
			       ret, err);
	free(o.copies);
	free(o.ignore_files);
	return rc;
}

static void expect(struct place *p, const char *copies, const char *workdir, const char *want)
{
	struct err err = ERR_INIT;
	struct copy c = { 0 };
	auto_buf got = { 0 };
	auto_tree *t = NULL;
	struct source *content;
	struct entry e;
	int rc;

	if (plan(p, copies, workdir, &c, &err) < 0)
		fail_msg("%s: %s", copies, err.text);
	t = copy_tree(&c);
	while ((rc = tree_next(t, &e, &content, &err)) > 0) {
		buf_addf(&got, "%c%o %s", "fdlh"[e.type], e.mode, e.path);
		if (e.uid)
			buf_addf(&got, " of %u", e.uid);
		if (e.target)
			buf_addf(&got, " -> %s", e.target);
		if (content) {
			buf_addc(&got, ' ');
			assert_ok(io_slurp(content, 1 << 20, &got, &err), err);
		}
		buf_addc(&got, '\n');
	}
	assert_ok(rc, err);
	if (strcmp(buf_cstr(&got), want) != 0)
		fail_msg("%s:\n%sexpected:\n%s", copies, buf_cstr(&got), want);
	tree_free(TAKE(t));
	copy_release(&c);
}

static void refuse(struct place *p, const char *copies, enum err_code code, const char *part)
{
	struct err err = ERR_INIT;
	struct copy c = { 0 };

	if (plan(p, copies, NULL, &c, &err) == 0)
		fail_msg("%s was taken", copies);
	assert_err(err, code, part);
	copy_release(&c);
}

static void folders_are_copied_by_what_is_in_them(void **state)
{
	struct place *p = *state;

	put(p, "app/b/run", "r", 0700);
	put(p, "app/b.txt", "t", 0600);
	put(p, "app/a", "", 04644);
	assert_int_equal(symlinkat("../a", p->dir.fd, "app/b/link"), 0);
	assert_int_equal(mkdirat(p->dir.fd, "app/empty", 0700), 0);
	put(p, "app/out/index.json", "never", 0644);
	expect(p, "app:/app", "/app",
	       "d755 app\nf644 app/a\nd755 app/b\nf644 app/b.txt t\nl777 app/b/link -> ../a\nf755 app/b/run r\nd755 app/empty\n");
	/* Relative to the working directory; a link that leaves what is copied is refused. */
	refuse(p, "app/b:.", ERR_FORMAT, "app/b/link is a link to '../a', outside of");
	assert_int_equal(unlinkat(p->dir.fd, "app/b/link", 0), 0);
	expect(p, "app/b:.", "/srv2/x", "d755 srv2\nd755 srv2/x\nf755 srv2/x/run r\n");
}

static void files_go_where_they_are_told(void **state)
{
	struct place *p = *state;

	put(p, "f", "1", 0644);
	put(p, "g", "2", 0644);
	expect(p, "f:/etc/x", NULL, "d755 etc\nf644 etc/x 1\n");
	expect(p, "f:/etc/", NULL, "d755 etc\nf644 etc/f 1\n");
	expect(p, "f:.", NULL, "d755 home\nd775 home/conda\nf644 home/conda/f 1\n");
	expect(p, "f:sub/", NULL, "d755 home\nd775 home/conda\nd755 home/conda/sub\nf644 home/conda/sub/f 1\n");
	expect(p, "f:/tmp", NULL, "d1777 tmp\nf644 tmp/f 1\n");
	/* The later of two wins. */
	expect(p, "f:/x g:/x", NULL, "f644 x 2\n");
}

static void the_ground_keeps_its_links_and_modes(void **state)
{
	struct place *p = *state;

	put(p, "f", "1", 0644);
	put(p, "root/bin/t", "t", 0755);
	put(p, "root/lib/a/l", "l", 0644);
	put(p, "root/tmp/x", "x", 0644);
	expect(p, "f:/bin/f", NULL, "d755 usr\nd755 usr/bin\nf644 usr/bin/f 1\n");
	expect(p, "f:/up/f", NULL, "d755 usr\nd755 usr/lib\nf644 usr/lib/f 1\n");
	expect(p, "f:/deep/bin/", NULL, "d755 usr\nd755 usr/bin\nf644 usr/bin/f 1\n");
	expect(p, "f:/lib", NULL, "d755 usr\nd755 usr/lib\nf644 usr/lib/f 1\n");
	expect(p, "root:/", NULL,
	       "d1777 tmp\nf644 tmp/x x\nd755 usr\nd755 usr/bin\nf755 usr/bin/t t\nd755 usr/lib\nd755 usr/lib/a\n"
	       "f644 usr/lib/a/l l\n");
	refuse(p, "f:/srv/x", ERR_FORMAT, "go round in circles");
	put(p, "over/usr/lib", "not a directory", 0644);
	refuse(p, "over:/", ERR_FORMAT, "over/usr/lib: /usr/lib is a directory in the image");
}

static void places_are_made_where_nothing_is(void **state)
{
	struct place *p = *state;

	expect(p, "", NULL, "");
	expect(p, "", "/", "");
	expect(p, "", "/tmp", "");
	expect(p, "", "/opt/env/lib", "");
	expect(p, "", "/work/dir", "d755 work\nd775 work/dir\n");
}

static void what_is_ignored_is_left_out(void **state)
{
	struct place *p = *state;

	put(p, "app/main.py", "m", 0644);
	put(p, "app/main.pyc", "c", 0644);
	put(p, "app/secret/key", "k", 0644);
	put(p, "app/secret/public", "p", 0644);
	put(p, "app/.git/config", "g", 0644);
	put(p, "app/.dockerignore", ".git\nsecret\n!secret/public\n.dockerignore\n", 0644);
	put(p, ".dockerignore", "**/*.pyc\nlone\n", 0644);
	put(p, "lone", "1", 0644);
	expect(p, "app:/app", "/app", "d755 app\nf644 app/main.py m\nd755 app/secret\nf644 app/secret/public p\n");
	refuse(p, "lone:/x", ERR_USAGE, "all of it is left out by");
	put(p, "app/.dockerignore", "*\n", 0644);
	refuse(p, "app:/app", ERR_USAGE, "all of it is left out by");
	put(p, "app/.dockerignore", "[", 0644);
	refuse(p, "app:/app", ERR_FORMAT, "/app/.dockerignore:1: the pattern '['");
}

static void what_no_image_can_hold_is_refused(void **state)
{
	struct place *p = *state;

	put(p, "app/x", "1", 0644);
	refuse(p, "app/none:/x", ERR_IO, "cannot read");
	assert_int_equal(symlinkat("/etc/passwd", p->dir.fd, "app/l"), 0);
	refuse(p, "app:/app", ERR_FORMAT, "app/l is a link to '/etc/passwd', outside of");
	assert_int_equal(unlinkat(p->dir.fd, "app/l", 0), 0);
	assert_int_equal(symlinkat("a/../../x", p->dir.fd, "app/l"), 0);
	refuse(p, "app:/app", ERR_FORMAT, "outside of");
	assert_int_equal(unlinkat(p->dir.fd, "app/l", 0), 0);
	assert_int_equal(mkfifoat(p->dir.fd, "app/pipe", 0600), 0);
	refuse(p, "app:/app", ERR_FORMAT, "app/pipe is a pipe, which no image can hold");
	assert_int_equal(unlinkat(p->dir.fd, "app/pipe", 0), 0);
	put(p, "app/.wh.x", "1", 0644);
	refuse(p, "app:/app", ERR_FORMAT, "app/.wh.x: its path in the image, 'app/.wh.x', has a component that begins");
	put(p, "f", "1", 0644);
	put(p, "dir/y", "1", 0644);
	refuse(p, "f:/x dir:/x", ERR_FORMAT, "/x would be a folder and a file");
	refuse(p, "f:/x dir:/x/z", ERR_FORMAT, "/x would be a folder and a file");
}

static void a_file_that_changes_is_noticed(void **state)
{
	static const char *const others[] = { "two", "longer", "s", "" };
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(others); i++) {
		struct err err = ERR_INIT;
		struct copy c = { 0 };
		auto_buf got = { 0 };
		auto_tree *t = NULL;
		struct source *content;
		struct entry e;
		int rc;

		put(p, "app/f", "one", 0644);
		assert_ok(plan(p, "app:/app", "/app", &c, &err), err);
		put(p, "app/f", others[i], 0644);
		t = copy_tree(&c);
		while ((rc = tree_next(t, &e, &content, &err)) > 0 && !content)
			;
		assert_int_equal(rc, 1);
		assert_int_equal(io_slurp(content, 1 << 20, &got, &err), -1);
		assert_err(err, ERR_IO, "app/f changed while it was read");
		tree_free(TAKE(t));
		copy_release(&c);
	}
}

/* And nothing but what is copied: the way there stays root's. */
static void what_is_copied_may_be_the_users(void **state)
{
	struct place *p = *state;

	p->user = "conda:1234";
	put(p, "app/run", "r", 0700);
	put(p, "app/b/t", "t", 0600);
	assert_int_equal(symlinkat("run", p->dir.fd, "app/link"), 0);
	expect(p, "app:/a/app", "/work",
	       "d755 a\nd775 a/app of 1234\nd775 a/app/b of 1234\nf664 a/app/b/t of 1234 t\nl777 a/app/link of 1234 -> run\n"
	       "f775 a/app/run of 1234 r\nd775 work of 1234\n");
	expect(p, "app/b:.", NULL, "d755 home\nd775 home/conda of 1234\nf664 home/conda/t of 1234 t\n");
}

static void other_files_may_say_what_is_left_out(void **state)
{
	struct place *p = *state;

	put(p, "app/x", "1", 0644);
	put(p, "app/y", "2", 0644);
	put(p, "app/.dockerignore", "x\n", 0644);
	put(p, "said", "y\n.dockerignore", 0644);
	p->ignore = full(p, "said");
	expect(p, "app:/app", "/app", "d755 app\nf644 app/x 1\n");
	p->ignore = "/dev/null";
	expect(p, "app:/app", "/app", "d755 app\nf644 app/.dockerignore x\n\nf644 app/x 1\nf644 app/y 2\n");
	p->ignore = full(p, "none");
	refuse(p, "app:/app", ERR_IO, "--ignore-file");
}

/* The recipe knows the content alone: not when it was made, nor where it lay. */
static void equal_folders_are_equal(void **state)
{
	struct place *p = *state;
	auto_buf one = { 0 }, two = { 0 }, three = { 0 };
	struct err err = ERR_INIT;
	struct copy c = { 0 };

	put(p, "a/x", "1", 0644);
	put(p, "b/x", "1", 0640);
	assert_ok(plan(p, "a:/app", "/app", &c, &err), err);
	copy_recipe(&c, &one);
	copy_release(&c);
	assert_ok(plan(p, "b:/app", "/app", &c, &err), err);
	copy_recipe(&c, &two);
	copy_release(&c);
	assert_string_equal(one.p, two.p);
	put(p, "b/x", "1", 0744);
	assert_ok(plan(p, "b:/app", "/app", &c, &err), err);
	copy_recipe(&c, &three);
	copy_release(&c);
	assert_string_not_equal(one.p, three.p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(folders_are_copied_by_what_is_in_them), TEST(files_go_where_they_are_told),
		TEST(the_ground_keeps_its_links_and_modes),  TEST(places_are_made_where_nothing_is),
		TEST(what_is_ignored_is_left_out),	     TEST(what_no_image_can_hold_is_refused),
		TEST(what_is_copied_may_be_the_users),	     TEST(other_files_may_say_what_is_left_out),
		TEST(a_file_that_changes_is_noticed),	     TEST(equal_folders_are_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
