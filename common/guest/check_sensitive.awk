# SPDX-License-Identifier: MIT
# Reads `objdump -dw --no-show-raw-insn` of the guest's boot code and harness, and complains about every instruction that in ring 3
# neither traps nor does what it does in ring 0 (Robin and Irvine, "Analysis of the Intel Pentium's Ability to Support a Secure
# Virtual Machine Monitor", 2000; CPUID and the protection keys beside them). A monitor that only traps cannot run such code right.
# Far jumps, LRETQ and IRETQ may be used: a monitor makes them fault.

function complain(why) {
	printf "%s: in %s: %s: %s\n", file, symbol, line, why
	bad++
}
/file format/ { file = $1; sub(/:$/, "", file); next }
/^[0-9a-f]+ <.*>:$/ { symbol = $2; next }
/^ +[0-9a-f]+:\t/ {
	line = $0
	sub(/^ +[0-9a-f]+:\t/, "", line)
	sub(/[ \t]*#.*$/, "", line)
	lines++
	op = line
	sub(/^((rep|repz|repnz|lock|cs|ds|es|ss|data16|addr32|rex[.A-Z]*) )*/, "", op)
	operands = op
	sub(/[ \t].*$/, "", op)
	sub(/^[^ \t]+[ \t]*/, "", operands)
	if (op ~ /^(pushf|popf)[wlq]?$/)
		complain("reads or writes IF and IOPL without a trap")
	else if (op ~ /^(sgdt|sidt|sldt|str|smsw)[wlqd]?$/)
		complain("stores a system register of the real machine")
	else if (op ~ /^(lar|lsl|verr|verw)[wlq]?$/)
		complain("looks at real descriptors with the real privilege level")
	else if (op ~ /^mov[wlq]?$/ && operands ~ /^%[cdefgs]s,/)
		complain("reads a segment register with the real privilege level")
	else if (op ~ /^push[wlq]?$/ && operands ~ /^%[cdefgs]s$/)
		complain("reads a segment register with the real privilege level")
	else if (op ~ /^lcall/)
		complain("pushes the real CS")
	else if (op ~ /^(cpuid|xgetbv|rdpkru|wrpkru|rdpid|rdtscp|rd[fg]sbase|wr[fg]sbase)/)
		complain("shows or changes the state of the real machine")
}
END {
	if (!lines) {
		print "check_sensitive: nothing to check"
		exit 1
	}
	if (bad)
		exit 1
	printf "check_sensitive: %d instructions, none sensitive without a trap\n", lines
}
