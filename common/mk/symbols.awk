# SPDX-License-Identifier: MIT
# The output of `nm -n` to an assembly source with the table that lib/symbols.h describes: the functions, sorted by address.
BEGIN {
	print "\t.section .symbols, \"a\""
	print "\t.globl image_symbols, image_symbols_end"
	print "\t.balign 8"
	print "image_symbols:"
}
$2 ~ /^[tT]$/ && $3 !~ /^\./ {
	printf "\t.quad 0x%s, 9f - image_symbols + %d\n", $1, used
	names = names "\t.asciz \"" $3 "\"\n"
	used += length($3) + 1
}
END {
	print "image_symbols_end:"
	print "9:"
	printf "%s", names
}
