#!/bin/sh
# SPDX-License-Identifier: MIT
# greenmp-run finds the library wherever it and the library may stand.
. "$(dirname -- "$0")/lib.sh"

fake_library "$dir/fake.so"
name=libmpgreen.so

# found WHAT EXPECTED SCRIPT: what SCRIPT preloads.
found() {
	run "$3" sh -c 'printf %s "$LD_PRELOAD"'
	same "$1: exit status ($err)" 0 "$status"
	same "$1: silent" '' "$err"
	same "$1" "$2" "$out"
}

# put PLACE...: a directory tree with the script in the first PLACE and the library in the second.
put() {
	tree=$1
	mkdir -p "$tree/$2" "$tree/$3"
	cp "$SOURCE" "$tree/$2/greenmp-run"
	cp "$dir/fake.so" "$tree/$3/$name"
}

put "$dir/beside" . .
found "beside the script" "$dir/beside/$name" "$dir/beside/greenmp-run"
put "$dir/beside-libs" . .libs
found "in .libs beside the script" "$dir/beside-libs/.libs/$name" "$dir/beside-libs/greenmp-run"
put "$dir/tree" scripts .libs
found "in the build tree" "$dir/tree/.libs/$name" "$dir/tree/scripts/greenmp-run"
for lib in lib lib64 "lib/$(uname -m)-linux-gnu" lib/m68k-linux-gnu \
	lib/python3.11/site-packages/mpgreen lib/python3/dist-packages/mpgreen; do
	root=$dir/prefix-$(echo "$lib" | tr / -)
	put "$root" bin "$lib"
	found "installed in $lib" "$root/$lib/$name" "$root/bin/greenmp-run"
done

root=$dir/prefix-two
put "$root" bin "lib/$(uname -m)-linux-gnu"
mkdir -p "$root/lib/a-linux-gnu"
echo "not for this machine" >"$root/lib/a-linux-gnu/$name"
found "this machine's multiarch directory goes first" "$root/lib/$(uname -m)-linux-gnu/$name" \
	"$root/bin/greenmp-run"

put "$dir/odd" some/bin other/place
sed "s|^libdir=.*|libdir='$dir/odd/other/place'|" "$SOURCE" >"$dir/odd/some/bin/greenmp-run"
found "in the configured libdir" "$dir/odd/other/place/$name" "$dir/odd/some/bin/greenmp-run"
if [ -f scripts/installed/greenmp-run ]; then
	same "make fills in the libdir" 1 "$(grep -c "^libdir='/.*'" scripts/installed/greenmp-run)"
	same "and changes nothing else" "$(grep -v '^libdir=' "$SOURCE" | cksum)" \
		"$(grep -v '^libdir=' scripts/installed/greenmp-run | cksum)"
fi
if [ -f .libs/$name ] && [ -x scripts/greenmp-run ]; then
	found "the tree that is being tested" "$build/.libs/$name" "$build/scripts/greenmp-run"
	[ ! -r /proc/self/maps ] || has "and it is loaded" "$(readlink -f .libs/$name)" \
		"$("$build/scripts/greenmp-run" cat /proc/self/maps)"
fi

mkdir -p "$dir/links/deep" "$dir/elsewhere"
ln -s "$dir/tree/scripts/greenmp-run" "$dir/links/absolute"
ln -s ../absolute "$dir/links/deep/relative"
ln -s deep/relative "$dir/links/chain"
ln -s "$dir/tree" "$dir/links/directory"
found "through a symbolic link" "$dir/tree/.libs/$name" "$dir/links/absolute"
found "through a chain of relative links" "$dir/tree/.libs/$name" "$dir/links/chain"
found "through a linked directory" "$dir/tree/.libs/$name" \
	"$dir/links/directory/scripts/greenmp-run"
ln -s "$dir/tree/scripts/greenmp-run" "$dir/prefix-lib/bin/linked"
found "a link beside an installed library takes that one" "$dir/prefix-lib/lib/$name" \
	"$dir/prefix-lib/bin/linked"

cd "$dir/elsewhere" || exit 99
found "from any directory" "$dir/tree/.libs/$name" ../tree/scripts/greenmp-run
export CDPATH="$dir:."
found "whatever CDPATH says" "$dir/tree/.libs/$name" ../tree/scripts/greenmp-run
unset CDPATH
PATH=$dir/tree/scripts:$PATH
found "through PATH" "$dir/tree/.libs/$name" greenmp-run
cd "$dir/tree/scripts" || exit 99
run sh greenmp-run sh -c 'printf %s "$LD_PRELOAD"'
same "as an argument of sh" "$dir/tree/.libs/$name" "$out"

put "$dir/given" . .
cd "$dir/given" || exit 99
for path in "$dir/given/$name" "$name" "./$name" "../given/$name"; do
	run "$dir/tree/scripts/greenmp-run" --library "$path" \
		sh -c 'cd / && sh -c :; printf %s "$LD_PRELOAD"'
	has "--library $path is made absolute" "$dir/given/" "$out"
	same "--library $path preloads, also in another directory" '' "$err"
done

mkdir "$dir/alone"
cp "$SOURCE" "$dir/alone/greenmp-run"
refused "no library anywhere" 127 "$name" "$dir/alone/greenmp-run" true
finish
