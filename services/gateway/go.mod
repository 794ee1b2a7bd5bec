module github.com/finsam/finsam/services/gateway

go 1.26.0

require github.com/finsam/finsam/pkg v0.0.0

replace github.com/finsam/finsam/pkg => ../../pkg
