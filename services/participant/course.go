package participant

import "github.com/finsam/finsam/pkg/civil"

// Progress is what the steps of an enrolment amount to.
type Progress struct {
	State        State
	Outcome      Outcome // of a closed one
	Block        int     // number of the block that runs or ran last; 0 before the start
	Started      civil.Date
	Blocks       []Block
	CheckIns     []CheckIn
	Conversation *EnrolmentStep
	Closed       *EnrolmentStep

	ranAll    bool       // the last block came to its end
	notBefore civil.Date // the next block may not begin earlier
}

// Block is one block with the days it was meant to take and those it took.
type Block struct {
	PlanBlock
	Number       int
	Prolonged    int // weeks
	PlannedFirst civil.Date
	PlannedLast  civil.Date
	First        civil.Date // empty: not begun
	Last         civil.Date // empty: not over
}

// Total returns the block's weeks with its prolongations.
func (b Block) Total() int { return b.Weeks + b.Prolonged }

// runsTo returns the block's last day if nothing ends it earlier.
func (b Block) runsTo() civil.Date { return b.First.AddWeeks(b.Total()).AddDays(-1) }

// CheckIn is one check-in. A block that was prolonged gets it once more; then this
// is the round to come, and the earlier one stands in the steps only.
type CheckIn struct {
	Number   int
	Due      bool           // its block is over
	DueOn    civil.Date     // the first day after its block
	Answer   *EnrolmentStep // answered or not_answered
	Decision *EnrolmentStep
}

// Progress derives where the enrolment stands.
func (e *Enrolment) Progress() Progress {
	c := Progress{}
	for i, b := range e.Plan.Blocks {
		c.Blocks = append(c.Blocks, Block{PlanBlock: b, Number: i + 1})
		if b.CheckIn {
			c.CheckIns = append(c.CheckIns, CheckIn{Number: i + 1})
		}
	}
	for i := range e.Steps {
		c.take(&e.Steps[i])
	}
	c.plan(e.PlannedStart)
	return c
}

// take goes one step further.
func (c *Progress) take(s *EnrolmentStep) {
	c.State = transitions[c.State][moveOf(*s)]
	switch s.Kind {
	case Started, BlockStarted:
		c.begin(s)
	case CheckInDue:
		c.current().Last = c.current().runsTo()
		if in := c.checkIn(s.Number); in != nil {
			*in = CheckIn{Number: s.Number, Due: true}
		}
	case Answered, NotAnswered:
		if in := c.checkIn(s.Number); in != nil {
			in.Answer = s
		}
	case Decided:
		c.decide(s)
	case Resumed:
		c.notBefore = max(c.notBefore, s.On)
	case Closing:
		c.current().Last = c.current().runsTo()
		c.ranAll = true
	case ConversationHeld:
		c.Conversation = s
	case Closed:
		c.close(s)
	}
}

func (c *Progress) begin(s *EnrolmentStep) {
	if s.Kind == Started {
		c.Started = s.On
	} else if c.current().Last == "" {
		c.current().Last = c.current().runsTo() // a block without check-in
	}
	c.Block++
	c.current().First = s.On
}

func (c *Progress) decide(s *EnrolmentStep) {
	c.notBefore = max(c.notBefore, s.On)
	in := c.checkIn(s.Number)
	if in == nil {
		return
	}
	in.Decision = s
	if s.Decision == Prolong {
		*in = CheckIn{Number: s.Number} // it will be due once more
		c.current().Prolonged += s.Weeks
		c.current().Last = ""
	}
}

func (c *Progress) close(s *EnrolmentStep) {
	c.Outcome, c.Closed = s.Outcome, s
	if c.Block > 0 && c.current().Last == "" {
		c.current().Last = min(c.current().runsTo(), s.On)
	}
}

// plan fills in the days that are not history: each block follows on the one
// before, and not before the day from which it may.
func (c *Progress) plan(start civil.Date) {
	for i := range c.Blocks {
		b := &c.Blocks[i]
		b.PlannedFirst = start
		if b.Number == c.Block+1 {
			b.PlannedFirst = max(start, c.notBefore)
		}
		b.PlannedLast = b.PlannedFirst.AddWeeks(b.Total()).AddDays(-1)
		if b.First == "" {
			start = b.PlannedLast.AddDays(1)
		} else {
			start = b.runsTo().AddDays(1)
		}
		if in := c.checkIn(b.Number); in != nil {
			in.DueOn = start
		}
	}
}

// current returns the block that runs or ran last.
func (c *Progress) current() *Block { return &c.Blocks[c.Block-1] }

func (c *Progress) checkIn(number int) *CheckIn {
	for i := range c.CheckIns {
		if c.CheckIns[i].Number == number {
			return &c.CheckIns[i]
		}
	}
	return nil
}

// ActiveWeeks returns the weeks of the blocks that have begun. Pauses and the time
// between blocks do not count.
func (c *Progress) ActiveWeeks() int {
	weeks := 0
	for _, b := range c.Blocks[:c.Block] {
		weeks += b.Total()
	}
	return weeks
}

// totalWeeks returns the weeks of all blocks.
func (c *Progress) totalWeeks() int {
	weeks := 0
	for _, b := range c.Blocks {
		weeks += b.Total()
	}
	return weeks
}

// DueOn returns the last day of a block whose end brings something about, or no
// day when nothing waits for the clock.
func (c *Progress) DueOn() civil.Date {
	if c.State != StateActive {
		return ""
	}
	if b := c.current(); b.CheckIn || c.Block == len(c.Blocks) {
		return b.runsTo()
	}
	return ""
}
