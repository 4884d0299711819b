" gq lays text out as rnncc fmt does: gggqG for a file
if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\ %s comments=:# noexpandtab shiftwidth=0 softtabstop=0
setlocal formatprg=rnncc\ fmt\ -
let b:undo_ftplugin = "setlocal commentstring< comments< expandtab< shiftwidth< softtabstop< formatprg<"
