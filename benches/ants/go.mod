module pool

go 1.25

require github.com/panjf2000/ants/v2 v2.11.4
