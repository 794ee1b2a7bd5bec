package participant

import (
	"cmp"
	"slices"

	"github.com/finsam/finsam/pkg/civil"
)

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

	start     *EnrolmentStep // of a block, that is asked for with an exception
	ranAll    bool           // the last block came to its end
	notBefore civil.Date     // the next block may not begin earlier
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

// RunsTo returns the last day of a block that has begun, if nothing ends it earlier.
func (b Block) RunsTo() civil.Date { return b.First.AddWeeks(b.Total()).AddDays(-1) }

// CheckIn is the latest check-in of a block. A block that was prolonged gets another
// one, and the earlier one is then in the steps only.
type CheckIn struct {
	Number   int
	Due      bool           // its block is over, or it is held before that
	DueOn    civil.Date     // the first day after its block
	OpenFrom civil.Date     // the first day on which it can be held
	Answer   *EnrolmentStep // answered or not_answered
	Decision *EnrolmentStep
	Request  *EnrolmentStep // for an exception that waits for its approval
}

// Progress follows the steps as they should have been.
func (e *Enrolment) Progress() Progress {
	p := Progress{}
	p.lay(e.Plan.Blocks)
	story := e.Story()
	for i := range story {
		p.follow(&story[i])
	}
	p.plan(e.PlannedStart, e.PlanNow().CheckInDays)
	return p
}

// lay puts the blocks of a plan, with their check-ins, in place of those that have not begun.
func (p *Progress) lay(blocks []PlanBlock) {
	p.Blocks = p.Blocks[:p.Block:p.Block]
	p.CheckIns = slices.DeleteFunc(p.CheckIns, func(in CheckIn) bool { return in.Number > p.Block })
	for i := p.Block; i < len(blocks); i++ {
		p.Blocks = append(p.Blocks, Block{PlanBlock: blocks[i], Number: i + 1})
		if blocks[i].CheckIn {
			p.CheckIns = append(p.CheckIns, CheckIn{Number: i + 1})
		}
	}
}

func (p *Progress) follow(s *EnrolmentStep) {
	p.State, _ = enrolmentTable.Next(p.State, s.Kind, cmp.Or(string(s.Decision), string(s.Outcome)))
	in := p.checkIn(s.Number)
	p.start = nil
	switch s.Kind {
	case Started, BlockStarted:
		if s.Kind == Started {
			p.Started = s.On
		} else if b := p.current(); b.Last == "" {
			b.Last = b.RunsTo() // a block without check-in
		}
		p.Block++
		p.current().First = s.On
	case CheckInDue:
		p.current().Last = p.current().RunsTo() // it runs so long, also when the check-in is held early
		if in != nil {
			*in = CheckIn{Number: s.Number, Due: true}
		}
	case Answered, NotAnswered:
		p.notBefore = max(p.notBefore, s.Held)
		if in != nil {
			in.Answer = s
		}
	case ExceptionRequested:
		if s.Decision == "" {
			p.start = s
		} else if in != nil {
			in.Request = s
		}
	case ExceptionRefused:
		if in != nil {
			in.Request = nil
		}
	case Decided:
		p.notBefore = max(p.notBefore, s.On)
		if in != nil {
			in.Decision, in.Request = s, nil
		}
		if in != nil && s.Decision == Prolong {
			*in = CheckIn{Number: s.Number} // it will be due once more
			p.current().Prolonged += s.Weeks
			p.current().Last = ""
		}
	case Resumed:
		p.notBefore = max(p.notBefore, s.On)
	case PlanMoved:
		p.lay(s.Plan.Blocks)
		if in := p.checkIn(p.Block); in != nil {
			in.Request = nil // what was asked for was an exception from the former plan
		}
	case Closing:
		p.current().Last = p.current().RunsTo()
		p.ranAll = true
	case ConversationHeld:
		p.Conversation = s
	case Closed:
		p.Outcome, p.Closed = s.Outcome, s
		if p.Block > 0 && s.On >= p.current().First {
			p.current().Last = min(p.current().RunsTo(), s.On)
		}
	}
}

// plan fills in the days that are not history: each block follows on the one
// before, and not before the day from which it may.
func (p *Progress) plan(start civil.Date, checkInDays int) {
	for i := range p.Blocks {
		b := &p.Blocks[i]
		b.PlannedFirst = start
		if b.Number == p.Block+1 {
			b.PlannedFirst = max(start, p.notBefore)
		}
		b.PlannedLast = b.PlannedFirst.AddWeeks(b.Total()).AddDays(-1)
		if b.First == "" {
			start = b.PlannedLast.AddDays(1)
		} else {
			start = b.RunsTo().AddDays(1)
		}
		if in := p.checkIn(b.Number); in != nil {
			in.DueOn, in.OpenFrom = start, max(cmp.Or(b.First, b.PlannedFirst), start.AddDays(-1-checkInDays))
		}
	}
}

// lastHappened returns the day of the last thing that happened in an enrolment that has
// begun. A block that time has brought to its end may have been left earlier, until the
// closing conversation says that it was not.
func (p *Progress) lastHappened() civil.Date {
	last := max(p.current().First, p.notBefore)
	if p.Conversation != nil {
		last = max(last, p.Conversation.On)
		if p.ranAll {
			last = max(last, p.current().Last)
		}
	}
	return last
}

// request returns what is asked for with an exception that waits for its approval: a
// decision at a check-in, or the start of a block; nil: nothing. An enrolment that was
// closed since waits for none.
func (p *Progress) request() *EnrolmentStep {
	if in := p.checkIn(p.Block); in != nil && p.State == StateCheckInDue && in.Request != nil {
		return in.Request
	}
	return p.start
}

// current returns the block that runs or ran last.
func (p *Progress) current() *Block { return &p.Blocks[p.Block-1] }

func (p *Progress) checkIn(number int) *CheckIn {
	for i := range p.CheckIns {
		if p.CheckIns[i].Number == number {
			return &p.CheckIns[i]
		}
	}
	return nil
}

// ActiveWeeks returns the weeks of the blocks that have begun. Pauses and the time
// between blocks do not count.
func (p *Progress) ActiveWeeks() int { return totalWeeks(p.Blocks[:p.Block]) }

// WeeksUsed returns the weeks that the enrolment has used, each begun one whole: fewer than
// the active ones when a block was left early, and none of one that was registered by
// mistake.
func (e *Enrolment) WeeksUsed() int {
	p := e.Progress()
	if p.Closed != nil && p.Closed.EndReason == MisRegistered {
		return 0
	}
	weeks := 0
	for _, b := range p.Blocks[:p.Block] {
		if b.Last == "" {
			weeks += b.Total()
		} else {
			weeks += (b.First.DaysUntil(b.Last) + 7) / 7
		}
	}
	return weeks
}

func totalWeeks(blocks []Block) int {
	weeks := 0
	for _, b := range blocks {
		weeks += b.Total()
	}
	return weeks
}

// DueOn returns the last day of a block at whose end something is due, or no date
// when nothing waits for time to pass.
func (p *Progress) DueOn() civil.Date {
	if p.State != StateActive {
		return ""
	}
	if b := p.current(); b.CheckIn || p.Block == len(p.Blocks) {
		return b.RunsTo()
	}
	return ""
}

// canStart reports whether the block may be the next to begin: there is one, and no
// check-in of a running block comes before it.
func (p *Progress) canStart(number int) bool {
	return number == p.Block+1 && number <= len(p.Blocks) && (p.State != StateActive || !p.current().CheckIn)
}

// Span returns the days that a step settles: the whole enrolment's when it is planned, the
// block's when one begins or is prolonged.
func (p *Progress) Span(s EnrolmentStep) (first, last civil.Date) {
	switch {
	case s.Kind == Planned:
		return p.Blocks[0].PlannedFirst, p.Blocks[len(p.Blocks)-1].PlannedLast
	case s.Kind == Started, s.Kind == BlockStarted, s.Decision == Prolong:
		b := &p.Blocks[s.Number-1]
		return b.First, b.RunsTo()
	}
	return "", ""
}

// Until returns the last day as it is planned now; empty: the enrolment is closed.
func (p *Progress) Until() civil.Date {
	last := &p.Blocks[len(p.Blocks)-1]
	switch {
	case p.Closed != nil:
		return ""
	case last.First != "":
		return last.RunsTo()
	}
	return last.PlannedLast
}

// Operation is something that the state of an enrolment allows.
type Operation struct {
	Name   string // of the contract and of the access table
	Number int    // of the block or check-in, where it has one
}

// Operations lists what the state allows today; who may do it is another question.
func (p *Progress) Operations(today civil.Date) []Operation {
	var operations []Operation
	if p.canHold(today) {
		operations = append(operations, Operation{"answerCheckIn", p.Block}, Operation{"recordNonAnswer", p.Block})
	}
	in := p.checkIn(p.Block)
	for _, name := range enrolmentTable.Operations(p.State) {
		number, allowed := 0, true
		switch name {
		case "startBlock":
			number, allowed = p.Block+1, p.canStart(p.Block+1)
		case "answerCheckIn":
			number, allowed = p.Block, in != nil && (in.Answer == nil || in.Answer.Kind == NotAnswered)
		case "recordNonAnswer":
			number, allowed = p.Block, in != nil && in.Answer == nil
		case "decideCheckIn":
			number, allowed = p.Block, in != nil && in.Answer != nil
		case "approveException":
			allowed = p.request() != nil
		case "holdClosingConversation":
			allowed = p.Conversation == nil
		}
		if allowed {
			operations = append(operations, Operation{name, number})
		}
	}
	return operations
}
