package main

import (
	"sync"
	"time"
)

// How wide and how many: as in row.rs.
const (
	slots      = 128
	producers  = 4
	consumers  = 4
	crowdItems = 4_000_000
)

// pingPong sends every number below n there and back over two channels.
func pingPong(slots int) body {
	return func(n int) ([]float64, error) {
		ping, pong := make(chan int, slots), make(chan int, slots)
		sum := make(chan int)
		start := time.Now()
		go func() {
			for range n {
				pong <- <-ping
			}
		}()
		go func() {
			s := 0
			for i := range n {
				ping <- i
				s += <-pong
			}
			sum <- s
		}()
		got := <-sum
		elapsed := time.Since(start)
		return []float64{nsEach(elapsed, n)}, check("sum of echoes", got, n*(n-1)/2)
	}
}

// pass has senders and receivers share one channel and n items.
func pass(slots, senders, receivers int) body {
	return func(n int) ([]float64, error) {
		items := make(chan int, slots)
		sums := make(chan int, receivers)
		var sent sync.WaitGroup
		each := n / senders
		start := time.Now()
		for range receivers {
			go func() {
				sum := 0
				for item := range items {
					sum += item
				}
				sums <- sum
			}()
		}
		for range senders {
			sent.Add(1)
			go func() {
				for i := range each {
					items <- i
				}
				sent.Done()
			}()
		}
		sent.Wait()
		close(items)
		got := 0
		for range receivers {
			got += <-sums
		}
		elapsed := time.Since(start)
		return []float64{nsEach(elapsed, n)}, check("sum of items", got, senders*(each*(each-1)/2))
	}
}

// contention has n senders and n receivers share one channel.
func contention(n int) ([]float64, error) {
	return pass(slots, n, n)(crowdItems)
}

// selectFour receives n items from four senders with a channel each.
func selectFour(slots int) body {
	return func(n int) ([]float64, error) {
		var from [producers]chan int
		each := n / producers
		sum := make(chan int)
		start := time.Now()
		for i := range from {
			from[i] = make(chan int, slots)
		}
		go func() {
			a, b, c, d := from[0], from[1], from[2], from[3]
			s := 0
			for range n {
				select {
				case item := <-a:
					s += item
				case item := <-b:
					s += item
				case item := <-c:
					s += item
				case item := <-d:
					s += item
				}
			}
			sum <- s
		}()
		for _, to := range from {
			go func() {
				for i := range each {
					to <- i
				}
			}()
		}
		got := <-sum
		elapsed := time.Since(start)
		return []float64{nsEach(elapsed, n)}, check("sum of items", got, producers*(each*(each-1)/2))
	}
}
