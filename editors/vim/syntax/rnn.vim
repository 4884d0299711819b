" Vim syntax file for rnncc's .rnn files.
" The lists are held against the language's own tables by tests/editors.sh.

if exists("b:current_syntax")
  finish
endif

syn keyword rnnDeclaration cell def model train param share const use op example
syn keyword rnnStatement if else unroll yield
syn keyword rnnForm for in scan over generate loop while as fixed onnx
syn keyword rnnLogic and or not
syn keyword rnnOption reverse dilate zoneout feed tbptt start stop beam lenpen greedy sample shared
syn keyword rnnLayer lin mul embed norm conv
syn keyword rnnInitialiser zeros ones uniform normal glorot he orthogonal identity sparse spectral gate
syn keyword rnnFunction abs acos acosh add argmax argmin asin asinh atan atanh attend avgpool bitcast cast cat ceil contract
syn keyword rnnFunction cos cosh cosine cummax cumprod cumsum dim div dopri5 dot drop elem eq erf euler exp
syn keyword rnnFunction expand fail fill floor gather ge given gt iota is_bool is_float is_signed is_storage isinf isnan
syn keyword rnnFunction known largest last le len log logsoftmax lt max maxpool mean min mod ne neg nograd onehot outer pad
syn keyword rnnFunction permute pow prod range rank relu rem reshape rk4 roll round select shape shift shl shr
syn keyword rnnFunction sigm sigmoid sign sin sinh softmax softplus sort split sqrt squeeze sub sum tan tanh
syn keyword rnnFunction tensor transpose trunc unsqueeze window xor

" h' is the next h
syn match rnnNext "\<\h\w*'"
syn match rnnNumber "\<\d\+\(\.\d*\)\?\([eE][-+]\?\d\+\)\?\>\|\.\d\+\([eE][-+]\?\d\+\)\?\>"
" what a declaration names, and axes such as T: one capital letter, or several
syn match rnnName "\(\<\(cell\|def\|model\|train\|op\|param\|share\|const\)\s\+\)\@<=\h\w*"
syn match rnnAxis "\<[A-Z][A-Z0-9_]*\>"
syn match rnnOperator "->\|\*\*\|//\|[-+*/%@=<>~]"
syn region rnnString start=+"+ skip=+\\\\\|\\"+ end=+"+ oneline
syn match rnnComment "#.*$" contains=@Spell

hi def link rnnDeclaration Keyword
hi def link rnnStatement Conditional
hi def link rnnForm Repeat
hi def link rnnLogic Operator
hi def link rnnOption Special
hi def link rnnLayer Type
hi def link rnnInitialiser Constant
hi def link rnnFunction Function
hi def link rnnNext Identifier
hi def link rnnNumber Number
hi def link rnnName Identifier
hi def link rnnAxis Constant
hi def link rnnOperator Operator
hi def link rnnString String
hi def link rnnComment Comment

let b:current_syntax = "rnn"
