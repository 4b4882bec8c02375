-- +goose Up
-- The life of an account: links that are mailed, sign-up, and what its owner may
-- look up about it.

alter table tenants add column sign_up boolean not null default false;

-- A link that was mailed. Only the hash of its token is here. Of each purpose there
-- is at most one open link for each owner: a newer one takes the older one's row.
create table links (
	tenant_id text not null,
	id text not null,
	user_id text not null, -- '' for a sign-up: there is no account yet
	owner_key text not null, -- the user, or the keyed hash of the address
	purpose text not null check (purpose in ('password_reset', 'email_verify', 'sign_up')),
	token_hash blob not null,
	address_enc text not null,
	password_epoch bigint not null, -- the user's when it was made; a change of password voids it
	created_at datetime not null,
	expires_at datetime not null,
	used_at datetime,
	primary key (tenant_id, id)
);

create unique index links_token on links (tenant_id, token_hash);

create unique index links_open on links (tenant_id, purpose, owner_key)
	where used_at is null;

create index links_expiry on links (expires_at);

-- What the owner of an account may read about it.
create index audit_events_subject on audit_events (tenant_id, subject, at, id);
