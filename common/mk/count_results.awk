# SPDX-License-Identifier: MIT
# The results.json of the grader to "N passed, N failed": the tests of all runs, each with the state that the rubric foretells or not.
# A test that this machine or this engine cannot run is neither.
/"tests": \[$/ {
	inside = 1
}
/^ *\]/ {
	inside = 0
}
inside && $1 == "\"state\":" {
	if ($2 ~ /"(pass|expected_fail)"/)
		passed++
	else if ($2 !~ /"(not_applicable|unavailable)"/)
		failed++
}
END {
	printf "%d passed, %d failed\n", passed, failed
}
