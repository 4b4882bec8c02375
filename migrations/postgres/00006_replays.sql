-- +goose Up
-- What may be used once and was: the jti of client assertions, and later of other
-- proofs. Only a hash is kept, until what it belongs to would be too old anyway.

create table replays (
	tenant_id text not null,
	purpose text not null,
	key_hash bytea not null,
	expires_at timestamptz not null,
	primary key (tenant_id, purpose, key_hash)
);

create index replays_age on replays (expires_at);
