module github.com/finsam/finsam/services/standalone

go 1.26.0

require (
	github.com/finsam/finsam/pkg v0.0.0
	github.com/finsam/finsam/services/activity v0.0.0
	github.com/finsam/finsam/services/gateway v0.0.0
	github.com/finsam/finsam/services/participant v0.0.0
	github.com/finsam/finsam/services/referral v0.0.0
)

replace (
	github.com/finsam/finsam/pkg => ../../pkg
	github.com/finsam/finsam/services/activity => ../activity
	github.com/finsam/finsam/services/gateway => ../gateway
	github.com/finsam/finsam/services/participant => ../participant
	github.com/finsam/finsam/services/referral => ../referral
)
