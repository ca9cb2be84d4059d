#!/bin/sh
# SPDX-License-Identifier: MIT
# greenmp-run becomes the command: same process, arguments, stdin, stdout and exit status.
. "$(dirname -- "$0")/lib.sh"

fake_tree "$dir/tree"
script=$dir/tree/scripts/greenmp-run

sh -c 'echo $$; exec "$@"' sh "$script" sh -c 'echo $$; echo $PPID' >"$dir/pids"
same "the command has the pid of greenmp-run" "$(sed -n 1p "$dir/pids")" "$(sed -n 2p "$dir/pids")"
same "and its parent" "$$" "$(sed -n 3p "$dir/pids")"

cat >"$dir/args" <<'END'
#!/bin/sh
for arg; do printf '<%s>' "$arg"; done
END
chmod +x "$dir/args"
cd "$dir" || exit 99
two="two${newline}lines${newline}"
same "arguments arrive as they are" "<a b><*><><\$HOME><'\"><$two><--help><--><-x><\\n>" \
	"$("$script" "$dir/args" 'a b' '*' '' "\$HOME" "'\"" "$two" --help -- -x '\n')"
same "-- ends the options" '<--version>' "$("$script" -- "$dir/args" --version)"
same "options of the command are its own" '<--scheduler><x>' "$("$script" ./args --scheduler x)"

same "stdin is the command's" "one${newline}two" "$(printf 'one\ntwo\n' | "$script" cat)"
same "stdin is whole behind a library that was looked for" x \
	"$(printf x | LD_PRELOAD=$dir/fake.so "$script" --scheduler none head -c 1)"
printf 'a\0b' | "$script" cat >"$dir/binary"
same "bytes pass unchanged" 'a\0b' "$(od -An -c "$dir/binary" | tr -d ' ')"
run "$script" sh -c 'echo out; echo err >&2'
same "stdout is the command's" out "$out"
same "stderr is the command's" err "$err"
same "no other descriptor is left open" "$(sh -c 'ls /proc/self/fd' </dev/null)" \
	"$("$script" sh -c 'ls /proc/self/fd' </dev/null)"
same "the environment is the caller's but for what was asked" \
	"LD_PRELOAD=$dir/tree/.libs/libmpgreen.so" \
	"$( (env; "$script" env) | sort | uniq -u | grep -v '^_=')"

for code in 0 1 42 125 126 127 255; do
	run "$script" sh -c "exit $code"
	same "exit status $code" "$code" "$status"
	same "exit status $code: silent" '' "$err"
done
run "$script" sh -c 'kill -TERM $$'
same "death by a signal" 143 "$status"

refused "a command that is nowhere" 127 'no-such-thing: command not found' "$script" no-such-thing
refused "a path that is not there" 127 "$dir/no" "$script" "$dir/no"
refused "an empty name" 127 "''" "$script" ''
echo '#!/bin/sh' >"$dir/plain"
refused "a file that is not executable" 126 "$dir/plain: not executable" "$script" "$dir/plain"
refused "a directory" 126 "$dir/tree" "$script" "$dir/tree"
mkdir "$dir/first" "$dir/second"
cp "$dir/plain" "$dir/first/tool"
refused "not executable, found through PATH" 126 "$dir/first/tool" \
	env PATH="$dir/first:$PATH" "$script" tool
cp "$dir/args" "$dir/second/tool"
same "PATH goes on behind what is not executable" '<x>' \
	"$(PATH=$dir/first:$dir/second:$PATH "$script" tool x)"
mkdir "$dir/first/other"
cp "$dir/args" "$dir/second/other"
same "and behind a directory" '<x>' "$(PATH=$dir/first:$dir/second:$PATH "$script" other x)"
cp "$dir/args" "$dir/second/here"
cd "$dir/second" || exit 99
same "an empty element of PATH is the current directory" '<x>' "$(PATH=$PATH: "$script" here x)"
run "$script" cd /
same "a word of the shell is no command" 127 "$status"
cp "$dir/args" "$dir/second/-n"
same "a name that begins with a dash" '<x>' "$(PATH=$dir/second:$PATH "$script" -- -n x)"
mkdir "$dir/with space"
cp "$dir/args" "$dir/with space/tool *"
same "a name with a space and a star" '<x>' "$("$script" "$dir/with space/tool *" x)"

cp "$dir/args" "$dir/suid"
chmod u+s "$dir/suid"
run "$script" "$dir/suid" x
has "a set-uid command is named" "$dir/suid is set-uid" "$err"
lines "in one line" 1 "$err"
same "and runs" '<x>' "$out"
ln -s suid "$dir/link-to-suid"
run "$script" "$dir/link-to-suid"
has "also behind a link" "set-uid" "$err"
chmod u-s,g+s "$dir/suid"
run "$script" "$dir/suid"
has "set-gid is the same" "not supported" "$err"
finish
