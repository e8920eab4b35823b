for i in 1 2 3; do (npx tsx dbg.mts 27999 & npx tsx dbg.mts 27999; wait) ; echo; done
