au BufRead,BufNewFile *.rnn setfiletype rnn
