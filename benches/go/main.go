// Program peer answers the rows of compare in Go.
//
// It is called as: peer ROW PROCS WARM-UPS REPEATS SIZE PARK, and prints one
// line of JSON: {"samples": [[...], ...]}, one number per metric of the row.
// PARK is for rt alone: here tasks always park on a channel.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
)

// A body runs the row once at the given size and returns one sample.
type body func(n int) ([]float64, error)

var rows = map[string]body{
	"spawn_join":  spawnJoin,
	"spawn_batch": spawnBatch,
	"yield":       yields,
	"skynet":      skynet,
	"forkjoin":    forkJoin,
	"many_parked": manyParked,

	"pingpong":           pingPong(0),
	"pingpong_buffered":  pingPong(1),
	"spsc_unbuffered":    pass(0, 1, 1),
	"spsc":               pass(slots, 1, 1),
	"mpsc":               pass(slots, producers, 1),
	"mpmc":               pass(slots, producers, consumers),
	"select4":            selectFour(slots),
	"select4_unbuffered": selectFour(0),
	"contention":         contention,

	"mutex8":            mutex(lockers),
	"mutex_uncontended": mutex(1),
	"waitgroup":         waitGroup,

	"ticker":         ticker,
	"ticker_spawn":   tickerSpawn,
	"ticker_blocked": tickerBeside(blockers, blockUntil),
	"ticker_hogs":    tickerBeside(hogs, burnUntil),
	"sleepers":       sleepers,
	"stall":          stall,

	"http_raw":     serve,
	"http_raw_512": serve,
	"idle_conns":   serve,

	"pingpong_tail": pingPongTail,
	"wake_tail":     underLoad(wake),
	"spawn_tail":    underLoad(firstRun),
	"pipe_tail":     pipe,
	"http_tail":     serve,
}

func main() {
	samples, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"samples": samples})
}

func run(args []string) ([][]float64, error) {
	if len(args) < 5 {
		return nil, fmt.Errorf("not a job: %q", args)
	}
	row, ok := rows[args[0]]
	if !ok {
		return nil, fmt.Errorf("the peer has no row %s", args[0])
	}
	var numbers [4]int
	for i := range numbers {
		n, err := strconv.Atoi(args[1+i])
		if err != nil {
			return nil, err
		}
		numbers[i] = n
	}
	procs, warmUps, repeats, size := numbers[0], numbers[1], numbers[2], numbers[3]
	runtime.GOMAXPROCS(procs)

	samples := make([][]float64, 0, repeats)
	for turn := range warmUps + repeats {
		sample, err := inGoroutine(row, size)
		if err != nil {
			return nil, err
		}
		if turn >= warmUps {
			samples = append(samples, sample)
		}
	}
	return samples, nil
}

// inGoroutine runs the body as every peer runs it: not on the first task.
func inGoroutine(row body, n int) (sample []float64, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		sample, err = row(n)
	}()
	<-done
	return sample, err
}

// check compares what a body computed with what it must compute.
func check(what string, got, want int) error {
	if got != want {
		return fmt.Errorf("%s: got %d, want %d", what, got, want)
	}
	return nil
}
