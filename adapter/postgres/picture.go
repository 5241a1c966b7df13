package postgres

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// pictureRow is a picture as its table has it.
type pictureRow struct {
	bun.BaseModel `bun:"table:pictures"`
	pictureColumns
}

type pictureColumns struct {
	Name    domain.PictureName `bun:"name,pk"`
	Content []byte             `bun:"content"`
}

// PutPicture binds the content, which would be twice as long in the text. One that is there is as good as new to Sweep.
func (s *Store) PutPicture(ctx context.Context, p domain.Picture) error {
	return s.exec(ctx, s.db.NewInsert().Model((*pictureRow)(nil)).Value("name", "$1").Value("content", "$2").
		On("CONFLICT (name) DO UPDATE").Set("seen_on = current_date").Where("?TableAlias.seen_on < current_date").Returning("NULL").Conn(bind(s.db, p.Name, p.Content)))
}

func (s *Store) Picture(ctx context.Context, name domain.PictureName) (domain.Picture, error) {
	var row pictureRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewSelect().Model(&row).Where("name = $1").Conn(bind(db, name)).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return domain.NotFound("picture")
		}
		return err
	})
	if err != nil {
		return domain.Picture{}, err
	}
	return domain.Picture(row.pictureColumns), nil
}
