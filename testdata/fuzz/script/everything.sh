#!/bin/sh
# every form once
if test -n "${X:-}"; then old="${X}"; else old=""; fi
for i in a "b c" ${A}; do while [ "${i#x}" = y ] && ! false; do i=${i%%z*}; done; done
case "$(uname)" in L*|'x') export OS=l ;; (*) : ${C:=d} ;; esac
[[ ( -n $A || $B == a* ) && ! -d $CONDA_PREFIX/lib ]] && export "P=$A" Q='x y' R=\a\$ S="a\"b${#A}"
until [ -z "$old" ]; do unset old; done
{ echo hi >&2; printf '%s' x; } >/dev/null 2>&1
if false; then a | b; ( c ); f() { d; }; fi
set -eu; set +eu; return 0
