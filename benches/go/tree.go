package main

import "time"

const (
	cutOff = 10 // below it fib is computed in place: as in row.rs
	arity  = 10 // children of a skynet node
)

func ms(elapsed time.Duration) float64 {
	return float64(elapsed.Nanoseconds()) / 1e6
}

// node sends the sum of its leaves to its parent.
func node(parent chan<- int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	part := leaves / arity
	sums := make(chan int)
	for child := range arity {
		go node(sums, first+child*part, part)
	}
	sum := 0
	for range arity {
		sum += <-sums
	}
	parent <- sum
}

// skynet sums the leaves of a ten-ary tree of goroutines.
func skynet(leaves int) ([]float64, error) {
	start := time.Now()
	root := make(chan int)
	go node(root, 0, leaves)
	sum := <-root
	elapsed := time.Since(start)
	return []float64{ms(elapsed)}, check("sum of leaves", sum, leaves*(leaves-1)/2)
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

// fork spawns one half, computes the other, joins.
func fork(n int) int {
	if n < cutOff {
		return fib(n)
	}
	half := make(chan int, 1)
	go func() { half <- fork(n - 1) }()
	other := fork(n - 2)
	return <-half + other
}

// forkJoin computes a Fibonacci number by forking.
func forkJoin(n int) ([]float64, error) {
	start := time.Now()
	result := fork(n)
	elapsed := time.Since(start)
	a, b := 0, 1
	for range n {
		a, b = b, a+b
	}
	return []float64{ms(elapsed)}, check("fib", result, a)
}
