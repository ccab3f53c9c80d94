package main

// random is a stream of numbers: SplitMix64, the same as in random.rs.
type random uint64

// below returns a number below bound.
func (r *random) below(bound uint64) uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return (z ^ (z >> 31)) % bound
}
