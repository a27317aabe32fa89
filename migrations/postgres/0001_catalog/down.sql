DROP TABLE timeline_references;
DROP TABLE deleted_client_ids;
DROP TABLE client_secrets;
DROP TABLE clients;
DROP TABLE used_project_ids;
DROP TABLE projects;
DROP TABLE organizations;
