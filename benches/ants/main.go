// The rows of the program `pool` for ants, and for goroutines without a pool.
//
//	ants PEER ROW TASKS CAPACITY
//
// prints what src/bin/pool/measure.rs prints.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/ants/v2"
)

const (
	nap        = 10 * time.Millisecond
	submitters = 8
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(at int) int {
	n, err := strconv.Atoi(os.Args[at])
	must(err)
	return n
}

func fib(n uint64) uint64 {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

// kilobytes is a line of /proc/self/status.
func kilobytes(name string) int {
	file, err := os.Open("/proc/self/status")
	must(err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == name+":" {
			n, err := strconv.Atoi(words[1])
			must(err)
			return n
		}
	}
	return 0
}

func main() {
	peer, row, tasks, capacity := os.Args[1], os.Args[2], number(3), number(4)
	submit := func(task func()) { go task() }
	if peer == "ants" {
		pool, err := ants.NewPool(capacity, ants.WithExpiryDuration(10*time.Second))
		must(err)
		submit = func(task func()) { must(pool.Submit(task)) }
	}
	var sum atomic.Uint64
	var all sync.WaitGroup
	task := map[string]func(){
		"sleep": func() { time.Sleep(nap); sum.Add(1); all.Done() },
		"short": func() { sum.Add(1); all.Done() },
		"cpu":   func() { sum.Add(fib(18) - 2583); all.Done() },
	}[strings.TrimSuffix(row, "8")]
	from := 1
	if strings.HasSuffix(row, "8") {
		from = submitters
	}
	before := kilobytes("VmRSS") + kilobytes("VmPTE")
	start := time.Now()
	all.Add(tasks)
	var submitting sync.WaitGroup
	for range from {
		submitting.Add(1)
		go func() {
			for range tasks / from {
				submit(task)
			}
			submitting.Done()
		}()
	}
	submitting.Wait()
	all.Wait()
	took := time.Since(start)
	if sum.Load() != uint64(tasks) {
		must(fmt.Errorf("%d tasks ran, not %d", sum.Load(), tasks))
	}
	fmt.Println(took.Nanoseconds(), kilobytes("VmHWM")+kilobytes("VmPTE")-before)
}
