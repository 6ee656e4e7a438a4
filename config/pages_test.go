package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPages(t *testing.T) {
	c := load(t, minimal+`
pages:
  visibility: members
  members_sections: [会员资料, " 内参 "]
  public_sections: [协会要闻]
  members: [会员]
  originals: none
`)
	want := Pages{
		Visibility: VisibilityMembers, MembersSections: []string{"会员资料", "内参"}, PublicSections: []string{"协会要闻"},
		Members: []string{"会员"}, Originals: OriginalsNone,
	}
	if diff := cmp.Diff(want, c.Pages); diff != "" {
		t.Error(diff)
	}
}
