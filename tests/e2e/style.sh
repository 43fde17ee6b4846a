#!/bin/sh
# tests/layering.sh finds what it is there to find, in a tree made for it.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$tree"
mkdir base conda oci fetch cmd
git init -q .
cat >base/bad.c <<'END'
#include "oci/image.h"
#include <yaml.h>
#include "str.h"
/* strcpy(a, b) in a comment is nobody's business */
static const char words[] = "strcpy(a, b)";
void bad_one(char *a) { strcpy(a, words); getenv("HOME"); }
void bad_two(char *a) { snprintf(a, 3, "x"); printf("x"); }
END
echo '#include "conda/lock.h"' >oci/bad.c
echo '#include "fetch/url.h"' >conda/bad.c
echo '#include "base/err.h"' >conda/good.c
printf '#include "oci/image.h"\nint main(void) { return getenv("X") ? 1 : printf("x"); }\n' >cmd/main.c
echo "cache = /ho""me/runner/cache" >notes.txt
git add -A
sh "$here/layering.sh" . >said && { echo 'nothing was found' >&2; exit 1; }
sort said >got
sort >want <<'END'
base/bad.c:1: base/ may not include oci/
base/bad.c:2: <yaml.h> is for base/doc.c alone
base/bad.c:3: an include of ours begins with its folder
base/bad.c:6: getenv() is for cmd/: below it, what is needed is passed
base/bad.c:6: strcpy() is banned
base/bad.c:7: printf() is for cmd/: below it nobody prints or leaves
conda/bad.c:1: conda/ may not include fetch/
notes.txt:1: has a path of one machine in it
oci/bad.c:1: oci/ may not include conda/
END
diff want got
rm -r base/bad.c oci/bad.c conda/bad.c notes.txt
git add -A
sh "$here/layering.sh" .
