-- The database and its two roles: `files_signer` owns the tables, `files_gateway` can read them and nothing else.
-- By whoever may make roles and databases; once more does no harm, and sets the passwords anew:
--
--   psql -v signer_password=... -v gateway_password=... -f roles.sql postgres://admin@host/postgres
--
-- Then DATABASE_URL=postgres://files_signer:<password>@host/files for signers, files_gateway for gateways.
\set ON_ERROR_STOP on

SELECT 'CREATE ROLE files_signer LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'files_signer') \gexec
SELECT 'CREATE ROLE files_gateway LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'files_gateway') \gexec
ALTER ROLE files_signer PASSWORD :'signer_password';
ALTER ROLE files_gateway PASSWORD :'gateway_password';
ALTER ROLE files_gateway SET default_transaction_read_only = on;

-- Ids and keys are compared byte by byte, whatever the locale of the machine becomes.
SELECT 'CREATE DATABASE files TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C'''
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'files') \gexec
REVOKE ALL ON DATABASE files FROM PUBLIC;
GRANT CONNECT ON DATABASE files TO files_signer, files_gateway;

\connect files
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO files_signer;
GRANT USAGE ON SCHEMA public TO files_gateway;
-- The signer makes its tables later, with the migrations of its build.
SET ROLE files_signer;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO files_gateway;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO files_gateway;
