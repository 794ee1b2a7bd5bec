package rest

import (
	"context"
	"net/url"
	"strconv"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// depth is how far below the base path a request's own path lies. Links are
// relative to it, so that they are right behind any proxy or prefix.
type depth string

// The way back to the base path, by the number of segments of the path.
const (
	fromOne   depth = ""             // /bookings
	fromTwo   depth = "../"          // /bookings/{id}
	fromThree depth = "../../"       // /bookings/{id}/attendances
	fromFour  depth = "../../../"    // /activities/{id}/days/{date}
	fromFive  depth = "../../../../" // /activities/{id}/cancellations/{cancellation}/restoration
)

func (d depth) to(path string) api.Link { return api.Link{Href: string(d) + path} }

// bookingLinks returns what the caller can do with a booking now.
func bookingLinks(ctx context.Context, b *activity.Booking, from depth) api.Links {
	self := "bookings/" + b.ID
	all := api.Links{"self": from.to(self), "participantWeek": from.to("participants/" + b.Participant + "/week")}
	for _, operation := range b.Acts(ctx) {
		switch operation {
		case "noteAttendance":
			all["attendances"] = from.to(self + "/attendances")
		case "cancelBooking":
			all["cancellation"] = from.to(self + "/cancellation")
		}
	}
	return all
}

func cancellationLinks(ctx context.Context, c *activity.Cancellation, today civil.Date, from depth) api.Links {
	self := "activities/" + c.Activity + "/cancellations/" + c.ID
	all := api.Links{
		"self": from.to(self),
		"week": from.to("municipalities/" + c.Municipality + "/week?week=" + activity.WeekOf(c.Date).String()),
	}
	if len(c.Acts(ctx, today)) > 0 {
		all["restoration"] = from.to(self + "/restoration")
	}
	return all
}

func activityLinks(ctx context.Context, x association.Activity, from depth) api.Links {
	all := api.Links{"week": from.to("municipalities/" + x.Municipality + "/week")}
	for _, operation := range activity.ActsOn(ctx, x) {
		switch operation {
		case "createBooking":
			all["bookings"] = from.to("bookings")
		case "cancelOccurrence":
			all["cancellations"] = from.to("activities/" + x.ID + "/cancellations")
		}
	}
	return all
}

// weekLinks leads to a week and its neighbours; path is the week's own.
func weekLinks(path string, w activity.Week) api.Links {
	to := func(w activity.Week) api.Link { return fromThree.to(path + "?week=" + w.String()) }
	return api.Links{"self": to(w), "next": to(w.Next()), "previous": to(w.Previous())}
}

func addressLinks(a *activity.Address, from depth) api.Links {
	return api.Links{"self": from.to(addressPath(a))}
}

func addressPath(a *activity.Address) string {
	return "participants/" + a.Participant + "/calendar-feeds/" + a.ID
}

// listLinks returns this part of a list and the next one.
func listLinks(from depth, path string, q url.Values, w activity.Window, next string) api.Links {
	q.Set("limit", strconv.Itoa(w.Limit))
	all := api.Links{}
	if next != "" {
		q.Set("cursor", next)
		all["next"] = from.to(path + "?" + q.Encode())
		q.Del("cursor")
	}
	if w.Cursor != "" {
		q.Set("cursor", w.Cursor)
	} else {
		q.Set("page", strconv.Itoa(w.Page))
	}
	all["self"] = from.to(path + "?" + q.Encode())
	return all
}

// meta tells where in a list an answer is. A page number and totals belong to a
// list read by page; read by cursor it has neither.
func meta(w activity.Window, count int, next string, total *store.Total) api.Meta {
	m := api.Meta{Limit: w.Limit, Count: count, NextCursor: optional[string](next)}
	if total != nil {
		records := int(total.Records)
		pages := (records + w.Limit - 1) / w.Limit
		m.Page, m.TotalRecords, m.TotalPages = &w.Page, &records, &pages
		m.TotalRecordsIsMinimum = &total.Minimum
	}
	return m
}
