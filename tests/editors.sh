#!/bin/sh
# editors.sh: the highlighting in editors/ knows every word of the language, is well formed, and colours what it should.

set -eu
[ -n "${RNNCC_PYTHON:-}" ] || { echo 'no python3'; exit 77; }
lang=$RNNCC_SOURCE_DIR/frontend/lang editors=$RNNCC_SOURCE_DIR/editors
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"

# ---- the language's own tables: what the parser asks for by name, scan's options, functions, primitives, initialisers
{
	grep -ho '\(accept_word\|is_word\)(p, "[a-z]*"' "$lang"/*.c | sed 's/.*"\(.*\)"/\1/'
	sed -n 's/.*const words\[\] = {\(.*\)/\1/p' "$lang"/parse*.c | grep -o '"[a-z][a-z]*' | tr -d '"'
	grep -ho '^	*{"[a-z0-9_]*", [^{]*}' "$lang"/parse_forms.c "$lang"/model_fn.c "$lang"/builtins.c 2>/dev/null |
		sed 's/^	*{"\([a-z0-9_]*\)".*/\1/'
	sed -n 's/^EW(\([a-z0-9]*\),.*/\1/p' "$RNNCC_SOURCE_DIR/ir/prim.def"
	sed -n 's/^	X(\([a-z]*\), [0-9].*/\1/p' "$RNNCC_SOURCE_DIR/frontend/weights/initialise.c"
} | sort -u >words
[ "$(wc -l <words)" -ge 90 ] || fault "only $(wc -l <words) words were found in the sources"

sed -n 's/^syn keyword rnn[A-Za-z]* //p' "$editors/vim/syntax/rnn.vim" | tr ' ' '\n' | sort -u >vim_words
"$RNNCC_PYTHON" - "$editors/vscode" >vscode_words <<'END'
import json, re, sys
for name in ("package.json", "language-configuration.json"):
    json.load(open(f"{sys.argv[1]}/{name}"))
grammar = json.load(open(f"{sys.argv[1]}/syntaxes/rnn.tmLanguage.json"))
for rule in grammar["patterns"]:
    re.compile(rule.get("match", rule.get("begin")))
    for words in re.findall(r"\\b\(([a-z0-9_|]+)\)\\b\(\?!'\)", rule.get("match", "")):
        print("\n".join(words.split("|")))
END
sort -u vscode_words -o vscode_words
while read -r word; do
	for editor in vim vscode; do
		if grep -qx "$word" ${editor}_words; then pass; else fault "editors/$editor does not know '$word'"; fi
	done
done <words

# ---- a text as VS Code's engine would colour it: at each place the first pattern that matches
cat >sample.rnn <<'END'
cell net[H](x; h[H]) {  # a cell, "not" code
	param w[3, H] ~ orthogonal
	h' = tanh(lin[4*H](x, h)) + 1.5e-3 if not x else my(h)
}
use "a cell.rnn"
END
"$RNNCC_PYTHON" - "$editors/vscode/syntaxes/rnn.tmLanguage.json" <<'END' >colours
import json, re, sys
rules = json.load(open(sys.argv[1]))["patterns"]
for line in open("sample.rnn").read().splitlines():
    at = 0
    while at < len(line):
        found = [(m.start(), i, m) for i, r in enumerate(rules) for m in [re.compile(r.get("match", r.get("begin"))).search(line, at)] if m]
        if not found:
            break
        _, i, m = min(found, key=lambda f: f[:2])
        end, rule = m.end(), rules[i]
        if "begin" in rule:
            close = re.compile(rule["end"]).search(line, end)
            end = close.end()
        for k, capture in rule.get("captures", {}).items():
            print(m.group(int(k)), capture["name"])
        if "name" in rule:
            print(line[m.start():end], rule["name"])
        at = max(end, at + 1)
END
while read -r expected; do
	if grep -qxF -e "$expected" colours; then pass; else fault "the grammar gives no '$expected'"; fi
done <<'END'
cell keyword.declaration.rnn
net entity.name.function.rnn
# a cell, "not" code comment.line.number-sign.rnn
orthogonal support.constant.initialiser.rnn
h' variable.other.next.rnn
tanh support.function.rnn
lin support.class.layer.rnn
H constant.other.axis.rnn
1.5e-3 constant.numeric.rnn
not keyword.operator.logical.rnn
my entity.name.function.call.rnn
"a cell.rnn" string.quoted.double.rnn
END

# ---- and as Vim does, where there is one
if command -v vim >/dev/null; then
	cat >colours.vim <<END
set runtimepath=$editors/vim,\$VIMRUNTIME
filetype plugin on
syntax on
edit sample.rnn
let lines = [&filetype, &formatprg]
for place in [[1, 'cell'], [1, 'net'], [1, '# a'], [1, 'not'], [2, 'orthogonal'], [3, "h'"], [3, 'tanh'], [3, 'lin'], [3, '1.5'], [5, 'cell']]
	let lines += [place[1] .. ' ' .. synIDattr(synID(place[0], stridx(getline(place[0]), place[1]) + 1, 1), 'name')]
endfor
call writefile(lines, 'vim_colours')
qall!
END
	vim -N -u NONE -i NONE -es -S colours.vim </dev/null >/dev/null 2>&1 || :
	cat >vim_expected <<'END'
rnn
rnncc fmt -
cell rnnDeclaration
net rnnName
# a rnnComment
not rnnComment
orthogonal rnnInitialiser
h' rnnNext
tanh rnnFunction
lin rnnLayer
1.5 rnnNumber
cell rnnString
END
	if cmp -s vim_expected vim_colours; then pass; else
		fault 'Vim colours the sample otherwise:'
		diff vim_expected vim_colours || :
	fi
fi

finish
