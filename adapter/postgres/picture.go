package postgres

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// PutPicture goes past bun, which would write the content into the statement, twice as long.
func (s *Store) PutPicture(ctx context.Context, p domain.Picture) error {
	return s.retry(ctx, func(ctx context.Context) error {
		_, err := s.db.DB.ExecContext(ctx, `INSERT INTO pictures (name, content) VALUES ($1, $2)
			ON CONFLICT (name) DO NOTHING`, string(p.Name), p.Content)
		return err
	})
}

func (s *Store) Picture(ctx context.Context, name domain.PictureName) (domain.Picture, error) {
	var found []domain.Picture
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		var err error
		found, err = prepared(ctx, db, func(rows *sql.Rows) (domain.Picture, error) {
			p := domain.Picture{Name: name}
			return p, rows.Scan(&p.Content)
		}, `SELECT content FROM pictures WHERE name = $1`, string(name))
		if err == nil && len(found) == 0 {
			err = domain.NotFound("picture")
		}
		return err
	})
	if err != nil {
		return domain.Picture{}, err
	}
	return found[0], nil
}
