# SPDX-License-Identifier: MIT
# The plot of `make bench`: a cluster of bars for each operation, a bar for each engine; diamonds are the modelled cycles.
#
#   gnuplot -e "data='build/bench.dat'; image='build/bench.svg'" grader/bench.gnuplot
#
# The data file sets `what`, `engines` and $bench.

set terminal svg noenhanced size 1100,560 dynamic font 'sans-serif,13' background rgb 'white'
set output image
load data
set datafile missing '?'
count = words(engines)
width = 0.8 / count

set title sprintf('What one operation costs: %s, the bare machine = 1', what) font ',16'
set ylabel 'times the bare machine (logarithmic)'
set logscale y
set yrange [0.5:*]
set format y '%g'
set grid ytics lc rgb '#dddddd'
set border 3
set tics nomirror
set xrange [-0.6:*]
set offsets 0, 0.6, 0, 0
set xtics rotate by -35
set key top right
set style fill solid 0.85 noborder
set boxwidth width * 0.92
set linetype 1 lc rgb '#4477aa'
set linetype 2 lc rgb '#cc6677'
set linetype 3 lc rgb '#228833'
set linetype 4 lc rgb '#ccbb44'
set linetype 5 lc rgb '#66ccee'
set linetype 6 lc rgb '#aa3377'

x(row, e) = row + (e - (count - 1) / 2.0) * width
short(v) = v < 10 ? sprintf('%.1f', v) : sprintf('%.0f', v)

plot for [e = 0:count - 1] $bench index e using (x($0, e)):2 with boxes lt e + 1 title word(engines, e + 1), \
	for [e = 0:count - 1] $bench index e using (x($0, e)):2:(short($2)) with labels offset 0, -1 \
		tc rgb 'white' font (count > 2 ? ',7' : ',11') notitle, \
	for [e = 0:count - 1] $bench index e using (x($0, e)):3 with points pt 12 ps 0.9 lw 1.5 lc rgb '#222222' \
		title (e == 0 ? 'cycles on hardware, by a model (grader/cost.c)' : ''), \
	$bench index 0 using 0:(1):xtic(1) with lines lw 1.5 lc rgb '#222222' title 'the bare machine'
