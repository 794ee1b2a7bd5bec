package referral

// StepOf is how an event is read, for the tests from outside.
var StepOf = stepOf
