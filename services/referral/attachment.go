package referral

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
)

const (
	// maxAttachments is how many a referral has at once.
	maxAttachments = 10
	// maxTitle bounds a title, in characters.
	maxTitle = 200
)

// Attachment is a file that belongs to the referral, as its step keeps it. The
// file itself is a blob; its key is here and nowhere else. When the attachment is
// removed, all that tells of its content is destroyed, and the step stays.
type Attachment struct {
	ID      string              `json:"id"`
	Blob    string              `json:"blob,omitempty"`  // random; within the association's
	Key     []byte              `json:"key,omitempty"`   // sealed: opens the blob
	Label   []byte              `json:"label,omitempty"` // sealed: Label as JSON
	Type    string              `json:"type,omitempty"`  // media type, as its content shows
	Size    int64               `json:"size,omitempty"`  // bytes
	Receipt idempotency.Receipt `json:"receipt"`
}

// Label is what is said of an attachment and tells something of the person.
type Label struct {
	Title  string `json:"title"`
	SHA256 string `json:"sha256"` // hexadecimal, of the content
}

// What can be said of attachments beside their content.
var (
	ErrTooManyAttachments = fault.New(fault.Conflict, "too-many-attachments",
		"Remissen har redan tio bilagor, och fler får den inte ha. Ta bort någon först.",
		"The referral has ten attachments already and may have no more. Remove one first.")
	ErrOthersAttachment = fault.New(fault.Conflict, "attachment-of-another",
		"Bilagan kommer från en annan myndighet, och bara den kan ta bort den.",
		"The attachment comes from another authority, and only that one can remove it.")
	ErrTitle = fault.New(fault.Unprocessable, "title-form",
		"Titeln får ha högst 200 tecken och inga radbrytningar.", "The title may have at most 200 characters and no line breaks.")
	ErrNoBlobs = fault.New(fault.Unavailable, "attachments-not-configured",
		"Bilagor kan inte tas emot eller visas: installationen har ingen plats för dem.",
		"Attachments can be neither taken nor shown: the installation has no place for them.")
	ErrTransfers = fault.New(fault.Unavailable, "attachments-busy",
		"Det överförs många filer just nu. Försök igen om en stund.", "Many files are being transferred right now. Try again shortly.").After(5 * time.Second)
)

// attachments returns the steps that added what is attached now, in order.
func (r *Referral) attachments() []*Step {
	var all []*Step
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Kind == AttachmentAdded && s.Attachment.Key != nil {
			all = append(all, s)
		}
	}
	return all
}

// attachment returns the step that added an attachment, or nil. What was removed
// has a step as well.
func (r *Referral) attachment(id string) *Step {
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Kind == AttachmentAdded && s.Attachment.ID == id {
			return s
		}
	}
	return nil
}

// Attachable returns what stands in the way of another attachment, whatever it is.
func (r *Referral) Attachable() error {
	if !r.May(AttachmentAdded) {
		return stateFault(r.State())
	}
	if len(r.attachments()) >= maxAttachments {
		return ErrTooManyAttachments.AtField("/file")
	}
	return nil
}

// Attach adds a file that is kept already.
func (r *Referral) Attach(h Hand, now time.Time, a Attachment) error {
	if err := r.Attachable(); err != nil {
		return err
	}
	return r.take(h, now, Step{Kind: AttachmentAdded, Attachment: &a})
}

// Detach removes an attachment and destroys its key, and gives what its blob is
// called. Anyone who added it may.
func (r *Referral) Detach(h Hand, now time.Time, id string) (blob string, err error) {
	s := r.attachment(id)
	switch {
	case s == nil || s.Attachment.Key == nil:
		return "", fault.ErrNotFound
	case !r.May(AttachmentRemoved):
		return "", stateFault(r.State())
	case s.Authority != h.Authority:
		return "", ErrOthersAttachment
	}
	blob = s.Attachment.Blob
	was := *s.Attachment
	was.Blob, was.Key, was.Label = "", nil, nil
	s.Attachment = &was
	return blob, r.take(h, now, Step{Kind: AttachmentRemoved, Attachment: &Attachment{ID: id}})
}

// titled returns an attachment's title: the one given, else the name of the file,
// else a word. The name is whatever the sender's disk calls it: what is no name
// is left out of it. A title that is none is refused.
func titled(title, fileName string) (string, error) {
	if title = strings.TrimSpace(title); title != "" {
		if !utf8.ValidString(title) || utf8.RuneCountInString(title) > maxTitle || strings.ContainsFunc(title, hiddenRune) {
			return "", ErrTitle.AtField("/title")
		}
		return title, nil
	}
	name := fileName[strings.LastIndexAny(fileName, `/\`)+1:]
	name = strings.Map(func(c rune) rune {
		if hiddenRune(c) || c == utf8.RuneError {
			return -1
		}
		return c
	}, name)
	if name = strings.TrimSpace(name); name == "" {
		return "Bilaga", nil
	}
	if runes := []rune(name); len(runes) > maxTitle {
		name = string(runes[:maxTitle])
	}
	return name, nil
}

// hiddenRune reports whether a character is not seen as what it is: line breaks,
// controls, and those that turn the direction of writing.
func hiddenRune(c rune) bool { return !unicode.IsPrint(c) }

// FileName returns what a file of this title and type is called on a disk.
func FileName(title, kind string) string {
	ending := extensions[kind]
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, c) {
			return '_'
		}
		return c
	}, title)
	if !strings.HasSuffix(strings.ToLower(name), ending) {
		name += ending
	}
	return name
}
