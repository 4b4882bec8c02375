-- +goose Up
-- Requests that an app pushes before its user comes, and what is kept of a
-- confirmation for the day when somebody asks.

alter table interactions add column request_uri_hash blob; -- null where the browser brought the request

create unique index interactions_request_uri on interactions (tenant_id, request_uri_hash)
	where request_uri_hash is not null;

alter table confirmations add column evidence_enc text not null default ''; -- what was shown and proven
alter table confirmations add column consume_key text not null default ''; -- hash of app and Idempotency-Key
alter table confirmations add column receipt text not null default ''; -- JWS, once it was consumed

alter table tenants add column detail_types text not null default ''; -- JSON; '' for the built-in ones

-- An approval ends with the grant that carries it.
create index grants_confirmation on grants (tenant_id, confirmation_id)
	where confirmation_id <> '';
