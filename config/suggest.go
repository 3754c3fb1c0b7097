package config

// didYouMean names the closest known word, if one is close.
func didYouMean(s string, known []string) string {
	best, at := "", len(s)/3+1
	for _, k := range known {
		if d := distance(s, k); d <= at && (best == "" || d < at) {
			best, at = k, d
		}
	}
	if best == "" || best == s {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is Levenshtein's: insertions, deletions and changes from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost = min(last, row[j], row[j+1]) + 1
			}
			last, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
