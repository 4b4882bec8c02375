-- +goose Up
-- One open confirmation for each user and action: who is asked twice at once cannot tell
-- which of the two a code is for.

update confirmations set status = 'cancelled' where status in ('requested', 'challenged');

create unique index confirmations_open on confirmations (tenant_id, user_id, action)
	where status in ('requested', 'challenged');
