#!/bin/sh
# SPDX-License-Identifier: MIT
# greenmp-run puts the library first in the preload list, once, keeps the rest, and refuses a
# library that could not be preloaded.
. "$(dirname -- "$0")/lib.sh"

fake_tree "$dir/tree"
script=$dir/tree/scripts/greenmp-run
ours=$dir/tree/.libs/libmpgreen.so
fake_library "$dir/one.so" one
fake_library "$dir/two.so" two

# list WHAT BEFORE EXPECTED
list() {
	run env LD_PRELOAD="$2" "$script" "$(command -v printenv)" LD_PRELOAD
	same "$1" "$3" "$out"
	same "$1: silent" '' "$err"
}

list "nothing was there" '' "$ours"
list "one was there" "$dir/one.so" "$ours:$dir/one.so"
list "two with a colon" "$dir/one.so:$dir/two.so" "$ours:$dir/one.so:$dir/two.so"
list "two with a space" "$dir/one.so $dir/two.so" "$ours:$dir/one.so:$dir/two.so"
list "stray separators" ": $dir/one.so::  $dir/two.so :" "$ours:$dir/one.so:$dir/two.so"
list "ours was there" "$ours" "$ours"
list "ours was there, last" "$dir/one.so:$ours" "$ours:$dir/one.so"
list "ours was there twice" "$ours:$dir/one.so:$ours" "$ours:$dir/one.so"
mkdir "$dir/copy"
cp "$dir/fake.so" "$dir/copy/libmpgreen.so"
cp "$dir/fake.so" "$dir/copy/libmpgreen.so.0"
list "another copy of ours gives way" "$dir/copy/libmpgreen.so:$dir/one.so" "$ours:$dir/one.so"
list "so does one named by its soname" "$dir/copy/libmpgreen.so.0" "$ours"
run "$script" "$script" "$script" "$(command -v printenv)" LD_PRELOAD
same "nested" "$ours" "$out"

: >"$dir/log"
run env LD_PRELOAD="$dir/one.so" FAKE_LOG="$dir/log" "$script" "$(command -v printenv)" HOME
has "the library is loaded" loaded "$(tail -n 2 "$dir/log")"
has "and so is what was there" one "$(tail -n 2 "$dir/log")"

missing=$dir/nowhere/libmpgreen.so
refused "a library that is not there" 127 "$missing" "$script" --library "$missing" true
ln -s /nonexistent "$dir/dangling"
refused "a link to nowhere" 127 "$dir/dangling" "$script" --library="$dir/dangling" true
refused "a directory" 126 "$dir/tree" "$script" --library "$dir/tree" true
echo "no library" >"$dir/text.so"
refused "a text" 126 "$dir/text.so" "$script" --library "$dir/text.so" true
head -c 200 "$dir/fake.so" >"$dir/short.so"
refused "a library cut short" 126 "$dir/short.so" "$script" --library "$dir/short.so" true
cat >"$dir/broken.c" <<'END'
void nowhere_defined(void);
void (*needed)(void) = nowhere_defined;
END
$CC -shared -fPIC -Wl,-z,now -o "$dir/broken.so" "$dir/broken.c"
refused "a library that needs what is not there" 126 "$dir/broken.so" \
	"$script" --library "$dir/broken.so" true
if [ "$(id -u)" != 0 ]; then
	cp "$dir/fake.so" "$dir/secret.so"
	chmod 0 "$dir/secret.so"
	refused "an unreadable library" 126 "$dir/secret.so" "$script" --library "$dir/secret.so" true
fi
for odd in 'a space' 'a:colon'; do
	mkdir "$dir/$odd"
	cp "$dir/fake.so" "$dir/$odd/libmpgreen.so"
	refused "a path with ${odd#a}" 126 "${odd#a?}" "$script" --library "$dir/$odd/libmpgreen.so" true
	fake_tree "$dir/$odd/tree"
	refused "a tree with ${odd#a}" 126 "${odd#a?}" "$dir/$odd/tree/scripts/greenmp-run" true
done
cp "$dir/fake.so" "$dir/\$ORIGIN.so"
refused "a path that the loader would expand" 126 'ORIGIN' \
	"$script" --library "$dir/\$ORIGIN.so" true

# Darwin has other names for it all; what greenmp-run sets can be seen anywhere.
mkdir "$dir/darwin"
printf '#!/bin/sh\necho Darwin\n' >"$dir/darwin/uname"
chmod +x "$dir/darwin/uname"
cp "$dir/fake.so" "$dir/tree/.libs/libmpgreen.dylib"
dylib=$dir/tree/.libs/libmpgreen.dylib
cp "$(command -v printenv)" "$dir/printenv"
PATH=$dir/darwin:$PATH
run "$script" "$dir/printenv" DYLD_INSERT_LIBRARIES DYLD_FORCE_FLAT_NAMESPACE
same "Darwin: its own variables" "$dylib${newline}1" "$out"
same "Darwin: silent" '' "$err"
run "$script" "$dir/printenv" LD_PRELOAD
same "Darwin: no LD_PRELOAD" '' "$out"
run env DYLD_INSERT_LIBRARIES="/a b/one.dylib:$dylib" "$script" \
	"$dir/printenv" DYLD_INSERT_LIBRARIES
same "Darwin: the list is kept, and a space is no separator" "$dylib:/a b/one.dylib" "$out"
run "$script" /usr/bin/env
has "Darwin: a protected command is named" "/usr/bin/env is protected" "$err"
finish
