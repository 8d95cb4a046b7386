package revision

// Direction is the way a revision is gone: applied or reverted.
type Direction string

// The two directions.
const (
	Up   Direction = "up"
	Down Direction = "down"
)

// Move is one revision in one direction.
type Move struct {
	ID        ID
	Direction Direction
}
