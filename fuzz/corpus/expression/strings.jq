"a\("b\($a)" + @base64 "x\(.)") # c
" | if .x then {a: 1, $b, (.c): [..]} else reduce .[] as [$i, {k: $j}] (0; . + $i) end