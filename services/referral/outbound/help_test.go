package outbound_test

import "github.com/finsam/finsam/services/referral"

// acceptance is one without fault.
var acceptance = referral.Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16", Coach: "coach-1"}
