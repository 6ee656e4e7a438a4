package issue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// KeepPictures keeps the pictures that an issue's blocks refer to. A picture has
// its name from its content, so that one that is there already is the same; none
// is ever taken away, because a revision that was sent may show it.
func (s *Store) KeepPictures(ctx context.Context, id string, pictures []Picture) error {
	if len(pictures) == 0 {
		return nil
	}
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		for _, p := range pictures {
			if _, err := tx.ExecContext(ctx, `INSERT INTO issue_pictures (issue_id, name, width, height, data) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (issue_id, name) DO NOTHING`, id, p.Name, p.Width, p.Height, p.Data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keeping the pictures of issue %s: %w", id, err)
	}
	return nil
}

// Picture returns a picture of an issue by its name, [ErrNotFound] when the issue
// has none of that name.
func (s *Store) Picture(ctx context.Context, id, name string) (Picture, error) {
	p := Picture{Image: Image{Name: name}}
	err := s.read.QueryRowContext(ctx, `SELECT width, height, data FROM issue_pictures WHERE issue_id = $1 AND name = $2`, id, name).
		Scan(&p.Width, &p.Height, &p.Data)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Picture{}, fmt.Errorf("reading picture %s of issue %s: %w", name, id, err)
	}
	return p, nil
}

// Lacking returns those of an issue's pictures that are not kept: a canonical file
// can name some that nobody ever handed in.
func (s *Store) Lacking(ctx context.Context, i Issue) ([]string, error) {
	var out []string
	for _, name := range i.Images() {
		var one int
		err := s.read.QueryRowContext(ctx, `SELECT 1 FROM issue_pictures WHERE issue_id = $1 AND name = $2`, i.ID, name).Scan(&one)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			out = append(out, name)
		case err != nil:
			return nil, fmt.Errorf("looking for the pictures of issue %s: %w", i.ID, err)
		}
	}
	return out, nil
}
