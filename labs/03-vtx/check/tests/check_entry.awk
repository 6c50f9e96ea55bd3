# SPDX-License-Identifier: MIT
# Judges what check_entry.sh has collected. Input: bochs-differs.txt, bochs-says.txt, then a file a model.
#
# A side of a case (the rule kept, the rule broken) passes when checker and processor agree, and Bochs names a reason that belongs to the
# rule; or when they differ as foretold. "allowed" is a broken side that this model has no reason to refuse. A rule is shown when on some
# model one case had both sides and both agreed.

function complain(text) {
	failed++
	print "FAILED  " model ": " text
}

# The class of a rule, for the sum, is the beginning of its name.
function class_of(rule) {
	return substr(rule, 1, index(rule, "/") - 1)
}

function note_rule(rule) {
	if (!(rule in known)) {
		known[rule] = 1
		order[++rules] = rule
	}
}

function end_of_model(    key) {
	if (model == "")
		return
	if (!ended)
		complain("the run did not come to its end")
	for (key in foretold)
		if ((foretold_model[key] == "*" || foretold_model[key] == model) && (key in tried) && !(key in met))
			complain("no longer differs: " key)
	delete met
	delete tried
	delete kept
}

FNR == 1 {
	end_of_model()
	file++
	if (file > 2) {
		model = FILENAME
		sub(".*/", "", model)
		sub("[.]txt$", "", model)
		ended = 0
	}
}

/^#/ || /^$/ {
	next
}

# bochs-differs.txt: rule, case, model, verdict, reason
file == 1 {
	key = $1 " " $2
	foretold[key] = $4
	foretold_model[key] = $3
	reason[key] = substr($0, index($0, "\t") + 1)
	next
}

# bochs-says.txt: rule, tab, words
file == 2 {
	split($0, part, "\t")
	says[part[1]] = says[part[1]] "\n" part[2]
	next
}

$0 == "check end" {
	ended = 1
	next
}

$1 == "check" && $2 == "-" {
	complain($0)
	next
}

$1 == "check" {
	rule = $2
	key = $2 " " $3
	side = $4
	note_rule(rule)
}

$5 == "skipped:" {
	skipped++
	next
}

{
	split($0, part, "\t")
	split(part[1], word, " ")
	ours = substr(word[5], index(word[5], "=") + 1)
	cpu = substr(word[6], index(word[6], "=") + 1)
	if (side == "break")
		tried[key] = 1
	if (ours != cpu) {
		mine = side == "break" && (key in foretold) && foretold[key] == cpu && (foretold_model[key] == "*" || foretold_model[key] == model)
		if (mine) {
			passed++
			met[key] = 1
			differs[rule] = 1
		} else
			complain(key " " side ": the checker says " ours ", the processor " cpu (part[2] == "" ? "" : " (" part[2] ")"))
		next
	}
	if (side == "keep") {
		passed++
		kept[key] = 1
		next
	}
	if (side == "allowed") {
		passed++
		allowed++
		next
	}
	count = split(says[rule], words, "\n")
	good = 0
	for (i = 2; i <= count; i++)
		if (index(part[2], words[i]))
			good = 1
	if (!good) {
		complain(key ": Bochs refuses it for another reason: " part[2])
		next
	}
	passed++
	if (key in kept)
		shown[rule] = 1
}

END {
	end_of_model()
	for (i = 1; i <= rules; i++) {
		rule = order[i]
		class = class_of(rule)
		if (!(class in total))
			classes[++class_count] = class
		total[class]++
		if (rule in shown)
			total_shown[class]++
		else if (rule in differs) {
			total_differs[class]++
			differing = differing "\n  " rule
		} else
			not_shown = not_shown "\n  " rule
	}
	printf "%-10s %6s %15s %15s %10s\n", "class", "rules", "shown by Bochs", "Bochs differs", "not shown"
	for (i = 1; i <= class_count; i++) {
		class = classes[i]
		a = total_shown[class] + 0
		b = total_differs[class] + 0
		printf "%-10s %6d %15d %15d %10d\n", class, total[class], a, b, total[class] - a - b
		sum += total[class]
		sum_shown += a
		sum_differs += b
	}
	printf "%-10s %6d %15d %15d %10d\n", "all", sum, sum_shown, sum_differs, sum - sum_shown - sum_differs
	print "\nRules where no case agrees on both sides, since Bochs differs (bochs-differs.txt):" differing
	print "\nRules that no model of Bochs can show:" not_shown
	printf "\n%d sides skipped, %d broken sides allowed\n%d passed, %d failed\n", skipped, allowed, passed, failed
	exit failed > 0
}
