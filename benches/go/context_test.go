package main

import (
	"context"
	"testing"
	"time"
)

// What benches/benches/context.rs measures of rt.

const children = 1000

func BenchmarkContext(b *testing.B) {
	root, cancelRoot := context.WithCancel(context.Background())
	defer cancelRoot()
	b.Run("with_cancel", func(b *testing.B) {
		for b.Loop() {
			_, cancel := context.WithCancel(root)
			cancel()
		}
	})
	b.Run("with_timeout", func(b *testing.B) {
		for b.Loop() {
			_, cancel := context.WithTimeout(root, time.Minute)
			cancel()
		}
	})
	b.Run("err", func(b *testing.B) {
		for b.Loop() {
			_ = root.Err()
		}
	})
	b.Run("cancel_tree", func(b *testing.B) {
		for b.Loop() {
			top, cancel := context.WithCancel(context.Background())
			for range children {
				_, _ = context.WithCancel(top)
			}
			cancel()
		}
	})
	b.Run("cancel_1000", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			top, cancel := context.WithCancel(context.Background())
			for range children {
				_, _ = context.WithCancel(top)
			}
			b.StartTimer()
			cancel()
		}
	})
}
