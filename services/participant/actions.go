package participant

// Action is something that the state of an enrolment allows now.
type Action struct {
	Operation string // of the contract and of the access table
	Number    int    // of the block or check-in, where it has one
}

// Actions lists what the state allows now; who may do it is another question.
func (c *Progress) Actions() []Action {
	var can []Action
	add := func(ok bool, operation string, number int) {
		if ok {
			can = append(can, Action{operation, number})
		}
	}
	add(c.State.allows(Started), "startEnrolment", 0)
	add(c.State.allows(Closed, string(Cancelled)), "cancelEnrolment", 0)
	add(c.State.allows(BlockStarted) && c.mayBegin(c.Block+1), "startBlock", c.Block+1)
	if in := c.checkIn(c.Block); in != nil && c.State.allows(Decided) {
		add(in.Answer == nil || in.Answer.Kind == NotAnswered, "answerCheckIn", c.Block)
		add(in.Answer == nil, "recordNonAnswer", c.Block)
		add(in.Answer != nil, "decideCheckIn", c.Block)
	}
	add(c.State.allows(Resumed), "resumeEnrolment", 0)
	add(c.State.allows(ConversationHeld) && c.Conversation == nil, "holdClosingConversation", 0)
	add(c.State.allows(Closed, string(Interrupted)), "closeEnrolment", 0)
	return can
}

// mayBegin reports whether the block may be the next to begin: there is one, and
// no check-in of a running block stands before it.
func (c *Progress) mayBegin(number int) bool {
	return number == c.Block+1 && number <= len(c.Blocks) && (c.State != StateActive || !c.current().CheckIn)
}
