DELETE FROM purged_projects WHERE are_people_gone;
ALTER TABLE purged_projects DROP COLUMN are_people_gone;
DROP TABLE servers;
