# SPDX-License-Identifier: MIT
# The output of `make -n -B V=1` to compile_commands.json (clang.llvm.org/docs/JSONCompilationDatabase.html): one entry for each
# call of the compiler that makes an object of a C source. `top` is the directory that the paths are seen from.
BEGIN {
	print "["
}
/^[^ ]*(gcc|clang|cc)[-0-9]* .* -c / {
	file = ""
	for (i = 1; i < NF; i++)
		if ($i == "-c")
			file = $(i + 1)
	if (file !~ /\.c$/ || (file in seen && seen[file] == $0))
		next
	seen[file] = $0
	command = $0
	gsub(/\\/, "\\\\", command)
	gsub(/"/, "\\\"", command)
	printf "%s{ \"directory\": \"%s\", \"file\": \"%s\", \"command\": \"%s\" }", comma, top, file, command
	comma = ",\n"
}
END {
	print "\n]"
}
